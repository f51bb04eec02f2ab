"""Alembic's scripts; `migration.migrate` runs them."""
