"""The command line: each command is one or more REST calls to a vault."""
