"""Alembic's scripts: the tables as they are since 0.2.0, and one for each later change."""
