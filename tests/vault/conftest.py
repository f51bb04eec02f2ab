"""Databases for the store's tests, and a whole vault in this process."""

from tests.support.postgres import database, database_url, postgres, postgres_url
from tests.support.vault import vault
from tests.support.vault_process import made, start

__all__ = ["database", "database_url", "made", "postgres", "postgres_url", "start", "vault"]
