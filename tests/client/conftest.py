"""The client before a whole vault in this process: its requests go into the application itself."""

import pytest

from secondsite.client import Connection, Vault
from tests.support.vault import ThroughTheApplication, protected, two_sites, vault
from tests.support.vault_process import made, start

__all__ = ["made", "protected", "start", "two_sites", "vault"]


@pytest.fixture
def network(vault):
    return ThroughTheApplication(vault.rest)


@pytest.fixture
def remote(vault, network):
    """The vault as a program sees it."""
    with Vault(Connection("https://vault", vault.made.token, vault.made.ca_file, network)) as remote:
        yield remote
