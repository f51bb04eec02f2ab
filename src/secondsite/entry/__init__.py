"""Entry points: here adapters are chosen, configuration is read, and processes are started."""
