"""Old disks that a rescued machine lends, and that are away."""

from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.appliance.target import old_disks
from secondsite.appliance.target.replica import HostedReplica
from secondsite.domain import errors
from secondsite.ground import real_files
from secondsite.wire.common.machines import DiskDefinition

AWAY = errors.OldDiskAway("The old disk sda is away.")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sda"


@pytest.fixture
def hosted(path):
    """Only what is looked at: its old disk, and since when that is away."""
    disks = (SimpleNamespace(key="sda", base=str(path)),)
    found: Any = SimpleNamespace(
        replica=SimpleNamespace(state=SimpleNamespace(disks=disks)), setup=SimpleNamespace(machine_name="vm"),
        disks_away_since=None,
    )  # fmt: skip
    return found


def test_they_are_waited_for_a_while_and_then_called_away(hosted, path, monkeypatch):
    real_files.say_loan(path, 7)
    assert isinstance(old_disks.waited_for(hosted, AWAY), errors.MachineAway)
    monkeypatch.setattr(old_disks, "LENT_SECONDS", 0.0)
    told = old_disks.waited_for(hosted, AWAY)
    assert isinstance(told, errors.OldDiskAway)
    assert "rescue" in told.do


def test_any_other_old_disk_is_called_away_at_once(hosted):
    assert old_disks.waited_for(hosted, AWAY) is AWAY


def test_what_else_is_wrong_is_told_as_it_is(hosted, path):
    real_files.say_loan(path, 7)
    problem = errors.StoreFull("It is full.")
    assert old_disks.waited_for(hosted, problem) is problem


@pytest.mark.parametrize("content", [None, b""])
def test_no_replica_is_made_on_one_that_is_not_there(path, content):
    setup: Any = SimpleNamespace(disks=("sda",), machine_name="vm")
    machine: Any = SimpleNamespace(disks=(DiskDefinition(key="sda", size_bytes=1, path=str(path)),))
    old_disks.require_lent(setup, machine)  # of a disk that nobody lends others tell
    real_files.say_loan(path, 7)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(errors.MachineAway, match="rescue system is away"):
        old_disks.require_lent(setup, machine)
    path.write_bytes(b"1")
    old_disks.require_lent(setup, machine)


@pytest.mark.parametrize(
    ("stands_alone", "failed_over", "works"),
    [(None, False, True), (None, True, False), (False, True, True), (True, True, False)],
)
def test_nothing_is_done_for_a_machine_on_its_own_disks_or_before_that_is_known(
    stands_alone, failed_over, works
):
    hosted: Any = SimpleNamespace(
        wants_work=True, not_before=0.0, stands_alone=stands_alone, failed_over=failed_over
    )
    assert HostedReplica.wants_work_now(hosted, 1.0) is works
