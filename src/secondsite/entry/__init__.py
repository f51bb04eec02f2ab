"""Entry points: adapters are chosen, configuration is read and processes are started here."""
