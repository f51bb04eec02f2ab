"""Decisions about networks.

Its rooms:

    subnets  which subnet a network of a test failover can have, and the names of machines on it
"""
