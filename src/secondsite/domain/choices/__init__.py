"""Which choices of a recovery point there are for whom: `offered`."""
