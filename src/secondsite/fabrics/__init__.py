"""The platforms that machines run on. Each implements the protocols of `interface` and passes
`conformance`."""
