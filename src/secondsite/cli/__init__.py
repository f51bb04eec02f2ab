"""The command line: every sentence of it is a REST call."""
