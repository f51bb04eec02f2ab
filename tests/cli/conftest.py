"""Two simulated sites that all tests of a worker share; each test that changes a machine has one of its
own."""

import itertools
import os
import tempfile
from pathlib import Path

import pytest

from rig import Rig
from rig.machines import SimulatedMachine
from tests.cli.support_cli import CommandLine

NEVER_PROTECTED = "idle"
_numbers = itertools.count(1)


def make_machine(rig, name):
    home, network = rig.home("appliance-a"), rig.bridge("a")
    SimulatedMachine.make(name, home, disk_bytes=(8 << 20,), network=network)


@pytest.fixture(scope="session")
def rig():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        options = {"b": ["--seed-folder", f"{folder}/rig/shelf"]}
        with Rig("simulated", Path(folder) / "rig", appliance_options=options, forked=True) as rig:
            rig.open()
            make_machine(rig, NEVER_PROTECTED)
            yield rig


@pytest.fixture
def cli(rig, capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SECONDSITE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SECONDSITE_CLIENT", str(rig.home("vault") / "client.json"))
    monkeypatch.delenv("COLUMNS", raising=False)
    return CommandLine(capsys)


def _fresh(rig):
    name = f"vm{next(_numbers):03}"  # lists sort by text
    make_machine(rig, name)
    return name


@pytest.fixture
def fresh(rig):
    """The name of a machine that no other test knows, running at site a."""
    return _fresh(rig)


@pytest.fixture
def fresh_too(rig):
    """One more."""
    return _fresh(rig)


@pytest.fixture
def protected(cli, fresh):
    """The name of a machine that is protected from a to b."""
    cli.must(f"machine enable-protection {fresh} --source a --target b --json")
    return fresh


@pytest.fixture
def two(cli, rig, tmp_path):
    """Two persons who may do everything; create-site takes both. Afterwards nothing does, and they are
    gone."""
    for name in ("anna", "bob"):
        roles = "--role contributor --role access_administrator"
        made = cli.must(f"token create {name} {roles} --valid never --json").json
        (tmp_path / name).write_text(made["token"])
    assert "create_site" in cli.must("approval require create-site --lasts 2h").out
    yield lambda name, line: cli(f"--token-file {tmp_path}/{name} {line}")
    cli.must(f"vault approvals-off --home {rig.home('vault')}")
    for name in ("anna", "bob"):
        cli.must(f"token delete {name} --yes")
