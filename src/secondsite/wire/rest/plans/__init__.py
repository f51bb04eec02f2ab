"""Recovery plans, and their runs."""
