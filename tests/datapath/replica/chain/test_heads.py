"""What the storage daemon has open for a replica."""

import os
import signal

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import Source, assert_points_true

pytestmark = pytest.mark.slow


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    yield replica
    replica.close()


def listening(monkeypatch, daemon, to):
    asked = daemon.qmp
    monkeypatch.setattr(daemon, "qmp", lambda command, **named: to(command) or asked(command, **named))


def test_a_seal_holds_up_no_other_replica(replica, source, tmp_path, daemon, monkeypatch):
    """A transaction lets the I/O of all disks of the daemon come to an end first: 58 ms with 1,000
    replicas."""
    replica.apply(*source.cycle("p1"))
    said: list[str] = []
    listening(monkeypatch, daemon, said.append)
    replica.apply(*source.cycle("p2"))
    assert said == ["blockdev-add"] * len(source.replica_disks) + ["blockdev-reopen"]
    replica.apply(*source.cycle("p3"))
    assert_points_true(replica, source, tmp_path)


def test_a_seal_that_is_refused_leaves_the_head_as_it_was(replica, source, tmp_path, daemon, monkeypatch):
    replica.apply(*source.cycle("p1"))
    head, cycle = replica.state.head, source.cycle("p2")

    def refuse(command):
        if command == "blockdev-reopen":
            raise errors.QmpRefused("No.", do="Nothing.", kind="GenericError")

    with monkeypatch.context() as patched:
        listening(patched, daemon, refuse)
        with pytest.raises(errors.QmpRefused):
            replica.apply(*cycle)
    assert replica.state.head == head
    replica.apply(*cycle)
    replica.apply(*source.cycle("p3"))
    assert_points_true(replica, source, tmp_path)


def test_nothing_of_a_closed_replica_is_open_and_its_next_cycle_goes_on(replica, source, tmp_path, daemon):
    assert replica.heads.used_at is None
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
        assert replica.heads.used_at is not None
        replica.close()
        assert replica.heads.used_at is None
        assert daemon.qmp("query-named-block-nodes", flat=True) == []
        assert daemon.qmp("query-block-exports") == []
    assert_points_true(replica, source, tmp_path)


def test_replicas_in_one_daemon_are_closed_each_for_itself(replica, source, tmp_path, daemon):
    other_source = Source(seed=9)
    other = Replica.create(tmp_path / "m2", daemon, "m1", other_source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1"))
    other.apply(*other_source.cycle("p1"))
    replica.close()
    other.apply(*other_source.cycle("p2"))
    assert_points_true(other, other_source, tmp_path)
    other.close()


def dying_at(daemon, wanted):
    """Before that command the daemon is killed, and another user starts it again; then it goes on."""
    asked, at = daemon.qmp, [wanted]

    def dies(command):
        if command in at:
            at.remove(command)
            os.kill(daemon.pid, signal.SIGKILL)
            assert daemon.died(5)
            asked("query-version")

    return dies


def test_a_point_is_not_called_damaged_when_another_user_had_started_the_daemon_again(
    replica, source, daemon, monkeypatch
):
    replica.apply(*source.cycle("p1"))
    with monkeypatch.context() as patched:
        listening(patched, daemon, dying_at(daemon, "block-export-add"))
        with pytest.raises(errors.StorageDaemonGone):
            replica.verify("p1")
    assert replica.verify("p1").ok


@pytest.mark.parametrize("command", ["block-export-add", "blockdev-reopen"])
def test_a_cycle_does_not_call_a_replica_refused_when_another_user_had_started_the_daemon_again(
    command, replica, source, tmp_path, daemon, monkeypatch
):
    """It is repeated: nothing of the replica is damaged, and no other program uses it."""
    replica.apply(*source.cycle("p1"))
    if command == "block-export-add":
        replica.close()
    cycle = source.cycle("p2")
    with monkeypatch.context() as patched:
        listening(patched, daemon, dying_at(daemon, command))
        with pytest.raises(errors.StorageDaemonGone):
            replica.apply(*cycle)
    replica.apply(*cycle)
    assert_points_true(replica, source, tmp_path)
