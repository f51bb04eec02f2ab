"""Kinds of platforms that machines run on. Each keeps the protocols of `interface` and passes `conformance`."""
