"""Databases for the store's tests, and a whole vault in this process."""

from tests.support.postgres import database, database_url, postgres, postgres_url
from tests.support.vault import two_sites, vault
from tests.support.vault_process import made, start

__all__ = ["database", "database_url", "made", "postgres", "postgres_url", "start", "two_sites", "vault"]
