"""The command line: each command is a REST call."""
