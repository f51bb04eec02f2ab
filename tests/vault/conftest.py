"""Databases for the store's tests, and a whole vault in this process."""

import pytest

from tests.support.postgres import database, database_url, postgres, postgres_url
from tests.vault.support_vault import VaultInProcess

__all__ = ["database", "database_url", "postgres", "postgres_url"]


@pytest.fixture
def vault(tmp_path):
    """A vault that runs: real engine, real control port on loopback, REST through the application itself."""
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()
