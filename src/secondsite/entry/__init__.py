"""The doors: adapters are chosen here, configuration is read here, processes start here."""
