"""Of hooks of machines."""
