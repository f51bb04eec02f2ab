"""Vaults in this process with two sites and five machines that are protected; two of them have the same
name."""

import contextlib

import pytest

from secondsite.client import Connection, Vault
from secondsite.wire.common.machines import NicDefinition
from tests.support.vault import ThroughTheApplication, VaultInProcess, definition, machine

NAMES = ("web", "app", "db", "twin", "twin")
MAC = "52:54:00:12:34:56"


@contextlib.contextmanager
def opened(home):
    """The vault, and how a program reaches it."""
    vault = VaultInProcess(home)
    try:
        source, target = vault.enroll("a", "one"), vault.enroll("b", "two")
        with vault.store.transaction() as tx:
            for number, name in enumerate(NAMES):
                nics = (NicDefinition(key="net0", mac=MAC, network="lan"),)
                wanted = definition(f"f-m{number}", name).model_copy(update={"nics": nics})
                ids = {"source_appliance_id": source.id, "target_appliance_id": target.id}
                tx.machines.add(machine(f"m{number}", name, definition=wanted, **ids))
        network = ThroughTheApplication(vault.rest)
        with Vault(Connection("https://vault", vault.made.token, vault.made.ca_file, network)) as remote:
            yield vault, remote
    finally:
        vault.close()


@pytest.fixture
def both(tmp_path):
    with opened(tmp_path / "vault") as found:
        yield found


@pytest.fixture
def remote(both):
    return both[1]
