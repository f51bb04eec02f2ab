"""Two simulated sites that all tests of a worker share; each test that changes a machine has one of its own."""

import itertools
import os
import tempfile
from pathlib import Path

import pytest

from rig import Rig
from rig.machines import SimulatedMachine
from tests.cli.support_cli import CommandLine

MACHINES = 24
_fresh = itertools.count(2)


@pytest.fixture(scope="session")
def rig():
    def furnish(site):
        if site == "a":
            for number in range(MACHINES):
                SimulatedMachine.make(
                    f"vm{number}", rig.home("appliance-a"), disk_bytes=(8 << 20,), network=rig.bridge("a")
                )

    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=furnish)
            yield rig


@pytest.fixture
def cli(rig, capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SECONDSITE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SECONDSITE_CLIENT", str(rig.home("vault") / "client.json"))
    monkeypatch.delenv("COLUMNS", raising=False)
    return CommandLine(capsys)


@pytest.fixture
def fresh():
    """The name of a machine that no other test knows. vm0 and vm1 belong to the tests that name them."""
    return f"vm{next(_fresh)}"


@pytest.fixture
def protected(rig, cli, fresh):
    """The name of a machine that is protected from a to b."""
    cli.must(f"machine enable-protection {fresh} --source a --target b --json")
    return fresh


@pytest.fixture
def fresh_too():
    """One more."""
    return f"vm{next(_fresh)}"
