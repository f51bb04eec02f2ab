"""Drills, failovers and the way home, as the vault orders them step by step."""

import fcntl
import os
import struct
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig import dying, images
from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, stop, turned
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.orders import runs
from secondsite.appliance.orders.runs import RunFact
from secondsite.appliance.shared import run_key
from secondsite.appliance.target.power_watch import PowerWatch
from secondsite.datapath.disks import image_locks, named_files
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.checks import CheckTarget, MemoryNeed
from secondsite.wire.control.orders import (
    AcceptCycles,
    CommitPoint,
    Drain,
    FabricMachine,
    Kind,
    PreCopy,
    RemoveReplica,
    Restart,
    ShutDown,
    StartReplica,
    StopReplica,
    Withdraw,
)
from secondsite.wire.control.setups import Base
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow


def test_a_drill_runs_beside_replication_and_leaves_nothing(pair):
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    content, point_id = pair.source.read(pair.fabric_id), pair.point_now()
    drill = start(pair, "drill", point_id)
    assert pair.target.read(drill["fabric_id"]) == content
    pair.target.write(drill["fabric_id"], 0, noise(1 * MiB))
    pair.source.write(pair.fabric_id, 3 * MiB, noise(1 * MiB))
    for _ in range(2):
        until_processed(pair, now())
    assert pair.status().runs == ("drill",)
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=drill["fabric_id"]), pair.machine_id)
    assert pair.target.fabric.inventory.get(drill["fabric_id"]) is None
    assert pair.status().runs == ()
    assert pair.target.point_bytes(pair.machine_id, point_id) == content


def test_a_failover_runs_the_chosen_point_and_its_network_mapping(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    content, chosen = pair.source.read(pair.fabric_id), pair.point_now()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.point_now()
    fact = start(pair, "failover", chosen, networks={"net0": "lan-b"})
    assert pair.target.read(fact["fabric_id"]) == content
    nic = pair.target.fabric.inventory.get(fact["fabric_id"]).definition.nics[0]
    assert nic.network == "lan-b"


def test_what_starts_with_its_host_at_home_does_so_where_it_was_failed_over_to_and_drills_do_not(pair):
    simulated.set_autostart(pair.source.root, pair.fabric_id)
    pair.protect().synchronized()
    drill = start(pair, "drill", pair.point_now())
    assert not pair.target.fabric.power.starts_with_host(drill["fabric_id"])
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=drill["fabric_id"]), pair.machine_id)
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    away = fail_over(pair, pair.point_now(final=True))
    assert not pair.source.fabric.power.starts_with_host(pair.fabric_id)
    pair.target.stop()
    simulated.reboot(pair.target.root)
    pair.target.start()
    assert pair.target.fabric.power.state(away) is PowerState.RUNNING


def test_a_failed_over_machine_that_is_off_is_told_until_it_runs(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())

    def told():
        return [each.what for each in pair.status().findings if each.code == "failed-over-machine-off"]

    pair.target.appliance.power_watch.look()
    assert told() == []
    pair.target.stop()
    simulated.reboot(pair.target.root)
    pair.target.start()
    assert "is off" in eventually(told, within_seconds=30)[0]
    pair.target.fabric.power.start(away)
    pair.target.appliance.power_watch.look()
    assert told() == []


def undefined(pair, fabric_id):
    pair.target.fabric.hosting.remove(fabric_id, pair.machine_id)


def test_a_failed_over_machine_that_is_not_defined_is_told_as_another_thing_than_one_that_is_off(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())

    def told():
        pair.target.appliance.power_watch.look()
        return [each.code for each in pair.status().findings if each.code.startswith("failed-over-")]

    pair.target.fabric.power.stop(away)
    eventually(lambda: told() == ["failed-over-machine-off"])  # a look passes over a replica that is locked
    undefined(pair, away)
    eventually(lambda: told() == ["failed-over-machine-missing"])
    stop(pair, "failover", away)
    eventually(lambda: told() == [])


def test_a_failed_over_machine_whose_disks_another_host_has_open_is_told_once_it_stays_so(pair):
    """One that was just migrated is told by the host that it went to."""
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    appliance = pair.target.appliance
    appliance.power_watch.stop()
    watch = PowerWatch(pair.target.fabric, appliance.host, appliance.state)

    def told(power):
        watch.look()
        found = {each.code: each.what for each in pair.status().findings}
        return {**found, "power": power} if pair.status().power == power else None

    assert "failed-over-machine-elsewhere" not in eventually(lambda: told("running"))
    simulated.migrate_away(pair.target.root, away)
    assert "failed-over-machine-elsewhere" not in eventually(lambda: told("elsewhere"))
    assert "is off here, while" in eventually(lambda: told("elsewhere")["failed-over-machine-elsewhere"])
    simulated.migrate_back(pair.target.root, away)
    assert "failed-over-machine-elsewhere" not in eventually(lambda: told("running"))
    pair.target.fabric.power.stop(away)
    assert "failed-over-machine-off" in eventually(lambda: told("off"))


def test_one_that_was_migrated_together_with_its_definition_is_not_missing(pair):
    """Its disks say it, also while the appliance of that host does not run."""
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    [path] = pair.target.replica(pair.machine_id).replica.files.run("failover").glob("*.qcow2")
    pair.target.fabric.power.stop(away)
    undefined(pair, away)

    def told():
        pair.target.appliance.power_watch.look()
        return [each.code for each in pair.status().findings if each.code.startswith("failed-over-")]

    def asked(fabric_id):
        return pair.target.do(Kind.POWER, FabricMachine(fabric_id=fabric_id), pair.machine_id)["power"]

    with written_by_another_host(path):
        eventually(lambda: told() == ["failed-over-machine-elsewhere"])
        assert (asked(away), asked("another")) == ("elsewhere", "missing")
    eventually(lambda: told() == ["failed-over-machine-missing"])
    assert asked(away) == "missing"


@contextmanager
def written_by_another_host(path):
    """As QEMU there: it shares the byte of those that may write."""
    lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, image_locks.WRITERS_BYTE, 1, 0)
    with path.open("rb") as file:
        fcntl.fcntl(file, 37, lock)  # F_OFD_SETLK
        yield


@pytest.mark.parametrize("is_defined", [True, False])
def test_nothing_is_removed_of_a_machine_whose_disks_another_host_has_open(pair, is_defined):
    """Its definition was gone by then."""
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    [path] = pair.target.replica(pair.machine_id).replica.files.run("failover").glob("*.qcow2")
    pair.target.fabric.power.stop(away)
    simulated.migrate_away(pair.target.root, away)
    if not is_defined:
        undefined(pair, away)
    stops = StopReplica(run="failover", fabric_id=away)
    with written_by_another_host(path):
        refused = pair.target.order(Kind.STOP_REPLICA, stops, pair.machine_id).problem
    assert refused.code == "not-possible-now"
    assert str(path) in refused.message
    assert "another host that reaches this store" in refused.do
    assert (pair.target.fabric.inventory.get(away) is not None) is is_defined
    assert path.exists()
    stop(pair, "failover", away)


@pytest.mark.parametrize("is_left", ["running", "off", "missing"])
def test_when_protection_ends_it_is_said_where_the_files_stay_and_what_stands_on_them(pair, is_left):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=pair.status().points[-1].id), pair.machine_id)
    if is_left == "off":
        pair.target.fabric.power.stop(away)
    if is_left == "missing":
        undefined(pair, away)
    folder = pair.target.replica_folder(pair.machine_id)
    ends = RemoveReplica(keep_running=True, ended=True, keep_points=True)
    said = pair.target.order(Kind.REMOVE_REPLICA, ends, pair.machine_id).sentence
    assert str(folder) in said
    assert folder.exists()
    assert ("which runs on them" in said) is (is_left == "running")
    assert ("is off here and stands on them" in said) is (is_left == "off")
    assert ("no machine that stands on them is defined here" in said) is (is_left == "missing")


def test_the_machine_of_a_drill_that_is_off_is_told_and_is_not_started_with_its_host(pair):
    pair.protect().synchronized()
    drilled = start(pair, "drill", pair.point_now(), name="web01-test")["fabric_id"]

    def told():
        return [each.what for each in pair.status().findings if each.code == "drill-machine-off"]

    pair.target.appliance.power_watch.look()
    assert told() == []
    pair.target.stop()
    simulated.reboot(pair.target.root)
    pair.target.start()
    assert pair.target.fabric.power.state(drilled) is PowerState.OFF
    assert "web01-test is off" in eventually(told, within_seconds=30)[0]
    stop(pair, "drill", drilled)
    pair.target.appliance.power_watch.look()
    assert told() == []


def test_no_failed_over_machine_starts_while_the_replica_takes_cycles(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    payload = StartReplica(run="failover", point_id=point_id, fabric_id=str(uuid.uuid4()), name="web01")
    refused = pair.target.order(Kind.START_REPLICA, payload, pair.machine_id).problem
    assert refused.code == "not-possible-now"
    assert "takes cycles from its source" in refused.message
    assert "closes the replica first" in refused.do
    assert pair.target.fabric.inventory.get(payload.fabric_id) is None
    assert pair.status().runs == ()


def test_a_replica_stays_closed_while_a_failed_over_machine_runs_on_it(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    opened = AcceptCycles(accepting=True)
    refused = pair.target.order(Kind.ACCEPT_CYCLES, opened, pair.machine_id).problem
    assert refused.code == "not-possible-now"
    assert "was failed over" in refused.message
    assert pair.target.order(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id).problem is not None
    assert not pair.status().accepting
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=fabric_id), pair.machine_id)
    pair.target.do(Kind.ACCEPT_CYCLES, opened, pair.machine_id)
    assert pair.status().accepting


def test_a_paused_source_goes_on_when_it_is_resynchronized(pair):
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, None, pair.machine_id)
    seq = pair.source_status().last_seq
    pair.source.do(Kind.RESYNCHRONIZE, None, pair.machine_id)
    eventually(lambda: pair.source_status().last_seq > seq)
    eventually(lambda: not pair.source_status().fenced)


def test_a_point_whose_files_were_put_on_another_one_is_called_damaged_and_an_earlier_one_starts(
    pair, tmp_path
):
    pair.protect().synchronized()
    pair.pause()
    earlier, point_id = pair.point_now(), pair.point_now()
    replica = pair.target.replica(pair.machine_id).replica
    layer = replica.files.layer("vda", replica.state.layer_of(point_id).number)
    replica.close()
    (tmp_path / "other").write_bytes(b"")
    images.qemu_img("rebase", "-u", "-F", "raw", "-b", str(tmp_path / "other"), str(layer))
    with pytest.raises(OrderFailed, match=r"point-damaged.*somebody has changed it"):
        start(pair, "drill", point_id)
    assert start(pair, "drill", earlier)["fabric_id"]


def test_a_repeated_start_gives_the_same_machine(pair):
    pair.protect().synchronized()
    point_id, fabric_id = pair.point_now(), str(uuid.uuid4())
    first = start(pair, "failover", point_id, fabric_id=fabric_id)
    pair.target.write(fabric_id, 0, noise(64 * KiB))
    content = pair.target.read(fabric_id)
    second = start(pair, "failover", point_id, fabric_id=fabric_id)
    assert second["fabric_id"] == first["fabric_id"]
    assert pair.target.read(fabric_id) == content


def test_another_point_can_be_chosen_after_the_run_was_stopped(pair):
    pair.protect().synchronized()
    first = pair.point_now()
    content = pair.source.read(pair.fabric_id)
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    second = pair.point_now()
    fabric_id = fail_over(pair, second)
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=fabric_id), pair.machine_id)
    fact = start(pair, "failover", first)
    assert pair.target.read(fact["fabric_id"]) == content


@pytest.mark.parametrize("run", ["failover", "drill"])
def test_points_below_a_machine_that_its_owner_merged_into_them_are_called_damaged(pair, run):
    """'virsh blockcommit MACHINE DISK --active --pivot' merges into the lowest file."""
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.protect().synchronized()
    first = pair.point_now()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB, seed=2))
    second = pair.point_now()
    (base,) = pair.target.replica_folder(pair.machine_id).glob("disks/*/base.qcow2")
    long_ago = base.stat().st_mtime - 60
    os.utime(base, (long_ago, long_ago))
    started = fail_over(pair, second) if run == "failover" else start(pair, run, second)["fabric_id"]
    with base.open("r+b") as file:
        file.write(named_files.MAGIC)
    hosted = pair.target.appliance.host.get(pair.machine_id)
    stop(pair, run, started)
    assert {point.id for point in hosted.points if point.damaged} >= {first, second}


@pytest.mark.parametrize("fails", ["hosting.create", "power.start"])
def test_a_start_that_failed_gives_its_run_back_so_that_another_point_starts(pair, monkeypatch, fails):
    pair.protect().synchronized()
    first, content = pair.point_now(), pair.source.read(pair.fabric_id)
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    second, fabric_id = pair.point_now(), str(uuid.uuid4())
    pair.pause()

    def refuse(*_arguments):
        raise errors.FabricError("The hypervisor refused it.", do="Look at its log.")

    with monkeypatch.context() as once:
        part, _, act = fails.partition(".")
        once.setattr(getattr(pair.target.fabric, part), act, refuse)
        with pytest.raises(OrderFailed, match="The hypervisor refused it"):
            start(pair, "failover", second, fabric_id=fabric_id)
    assert pair.status().runs == ()
    assert pair.target.fabric.inventory.get(fabric_id) is None
    start(pair, "failover", first, fabric_id=fabric_id)
    assert pair.target.read(fabric_id) == content


def test_a_start_that_failed_as_the_machine_that_it_made_was_noted_leaves_no_machine(pair, monkeypatch):
    """What was left belonged to no run, and neither a cancel nor another start was possible."""
    pair.protect().synchronized()
    point_id, fabric_id, remember = pair.point_now(), str(uuid.uuid4()), runs.remember
    pair.pause()

    def refuse(context, run, fact):
        if fact.made:
            raise errors.StoreUnavailable("The disk is full.")
        remember(context, run, fact)

    with monkeypatch.context() as once:
        once.setattr(runs, "remember", refuse)
        with pytest.raises(OrderFailed, match="The disk is full"):
            start(pair, "failover", point_id, fabric_id=fabric_id)
    assert pair.status().runs == ()
    assert pair.target.fabric.inventory.get(fabric_id) is None
    start(pair, "failover", point_id, fabric_id=fabric_id)


def test_a_start_that_failed_after_the_machine_had_run_keeps_what_it_wrote(pair, monkeypatch):
    pair.protect().synchronized()
    point_id, fabric_id = pair.point_now(), str(uuid.uuid4())
    start(pair, "failover", point_id, fabric_id=fabric_id)
    pair.target.write(fabric_id, 0, noise(64 * KiB))
    content = pair.target.read(fabric_id)
    pair.target.fabric.power.stop(fabric_id)

    def refuse(*_arguments):
        raise errors.FabricError("The hypervisor refused it.", do="Look at its log.")

    with monkeypatch.context() as once:
        once.setattr(pair.target.fabric.power, "start", refuse)
        with pytest.raises(OrderFailed, match="The hypervisor refused it"):
            start(pair, "failover", point_id, fabric_id=fabric_id)
    start(pair, "failover", point_id, fabric_id=fabric_id)
    assert pair.target.read(fabric_id) == content


def test_what_a_start_left_that_its_appliance_did_not_survive_keeps_no_other_point_from_starting(pair):
    pair.protect().synchronized()
    first, content = pair.point_now(), pair.source.read(pair.fabric_id)
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    second, fabric_id = pair.point_now(), str(uuid.uuid4())
    pair.pause()
    pair.target.replica(pair.machine_id).replica.open_run("failover", second)
    fact = RunFact(fabric_id=fabric_id, name="web01", point_id=second, made=True, begun=False)
    pair.target.appliance.state.put_fact(run_key(pair.machine_id, "failover"), fact.model_dump_json())
    start(pair, "failover", first, fabric_id=fabric_id)
    assert pair.target.read(fabric_id) == content


def test_a_start_that_its_appliance_did_not_survive_is_watched_and_keeps_what_the_machine_wrote(pair):
    pair.protect().synchronized()
    first = pair.point_now()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    second, fabric_id = pair.point_now(), str(uuid.uuid4())
    pair.pause()
    with seams.armed(dying.at("appliance.run.begun")), pytest.raises(dying.Killed):
        start(pair, "failover", second, fabric_id=fabric_id)
    pair.target.restart()
    pair.target.write(fabric_id, MiB, noise(MiB))
    content = pair.target.read(fabric_id)
    pair.target.fabric.power.stop(fabric_id)
    eventually(lambda: "failed-over-machine-off" in {each.code for each in pair.status().findings}, 30)
    with pytest.raises(OrderFailed, match="was started here from point"):
        start(pair, "failover", first, fabric_id=fabric_id)
    start(pair, "failover", second, fabric_id=fabric_id)
    assert pair.target.read(fabric_id) == content


def test_a_planned_failover_loses_nothing_and_can_be_cancelled(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(3 * MiB))
    pair.source.do(Kind.PRE_COPY, machine_id=pair.machine_id)
    content = pair.source.read(pair.fabric_id)
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    fabric_id = fail_over(pair, _last_cycle(pair))
    assert pair.target.read(fabric_id) == content
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=fabric_id), pair.machine_id)
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)
    pair.source.do(Kind.RESTART, Restart(fabric_id=pair.fabric_id), pair.machine_id)
    seq = pair.source_status().last_seq
    pair.source.write(pair.fabric_id, 5 * MiB, noise(1 * MiB))
    eventually(lambda: pair.source_status().last_seq > seq)
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def _last_cycle(pair):
    return pair.point_now(final=True)


def test_the_way_back_onto_the_old_disks_sends_only_what_changed(pair):
    pair.source.write(pair.fabric_id, 0, noise(6 * MiB))
    pair.protect().synchronized()
    point_id = pair.point_now()
    pair.source.write(
        pair.fabric_id, 1 * MiB, noise(128 * KiB)
    )  # never arrives: the source is lost at this moment
    fabric_id = fail_over(pair, point_id)
    pair.target.write(fabric_id, 4 * MiB, noise(256 * KiB))
    reverse = turned(pair, fabric_id)
    assert reverse.source_status().total_wire_bytes < 1 * MiB
    content = reverse.source.read(fabric_id)
    assert reverse.target.point_bytes(reverse.machine_id, reverse.point_now()) == content
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None


def test_a_takeover_of_a_copy_that_runs_does_not_say_that_it_was_started(pair):
    """As a vault asks that was restored from before the failover."""
    pair.protect().synchronized()
    point_id, fabric_id = pair.point_now(), str(uuid.uuid4())
    pair.pause()
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), pair.machine_id)
    payload = StartReplica(run="failover", point_id=point_id, fabric_id=fabric_id, name=pair.name)
    said = [pair.target.order(Kind.START_REPLICA, payload, pair.machine_id).sentence for _ in range(2)]
    assert said[0].startswith(f"started {pair.name} from point {point_id} in ")
    assert said[1].startswith(
        f"{pair.name} was running already, from point {point_id}: it is taken over as it is"
    )


def test_a_machine_comes_home_onto_its_own_disks_and_leaves_again(pair):
    a, b = pair.source, pair.target
    a.write(pair.fabric_id, 0, noise(4 * MiB))
    old_path = a.disk_path(pair.fabric_id)
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    b.write(away, 2 * MiB, noise(512 * KiB))
    reverse = turned(pair, away)

    # planned failback
    b.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    home = fail_over(reverse, point_id)
    a.write(home, 3 * MiB, noise(512 * KiB))
    content = a.read(home)
    a.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    a.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=home), pair.machine_id)
    assert a.disk_path(home) == old_path
    assert a.read(home) == content
    assert a.appliance.host.find(pair.machine_id) is None
    a.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=home), pair.machine_id)
    b.do(Kind.REMOVE_MACHINE, FabricMachine(fabric_id=away), pair.machine_id)
    assert b.fabric.inventory.get(away) is None

    # and protected to b again, onto the disks that the machine had there
    again = Pair(a, b, home, pair.machine_id)
    again.epoch = 3
    setup = again.replica_setup(base=Base.EXISTING, existing_fabric_id=away)
    b.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
    a.do(Kind.START_REPLICATION, again.source_setup(sync=SyncMode.COMPARE), pair.machine_id)
    again.synchronized()
    assert b.point_bytes(again.machine_id, again.point_now()) == a.read(home)


def test_a_removed_replica_gives_the_old_machine_back(pair):
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    reverse = turned(pair, away)
    payload = RemoveReplica(restore_machine=True)
    order_id = uuid.uuid4().hex
    reverse.target.do(Kind.REMOVE_REPLICA, payload, pair.machine_id, order_id=order_id)
    found = reverse.target.fabric.inventory.get(pair.fabric_id)
    assert found is not None
    assert found.power is PowerState.OFF
    reverse.target.do(Kind.REMOVE_REPLICA, payload, pair.machine_id)


def test_a_withdrawn_machine_is_given_back_by_a_site_that_never_heard_of_the_replica(pair):
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    pair.source.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None
    payload = RemoveReplica(restore_machine=True, still_protected=True, fabric_id=pair.fabric_id)
    for _ in range(2):
        pair.source.do(Kind.REMOVE_REPLICA, payload, pair.machine_id)
        found = pair.source.fabric.inventory.get(pair.fabric_id)
        assert found is not None
        assert found.power is PowerState.OFF


def test_a_failed_over_machine_keeps_its_files_when_protection_ends(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    content = pair.target.read(away)
    report = pair.target.order(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    assert report.problem.code == "not-possible-now"
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True), pair.machine_id)
    assert pair.target.appliance.host.find(pair.machine_id) is None
    assert pair.target.read(away) == content


def test_a_failed_over_machines_old_source_is_refused(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    findings = eventually(lambda: pair.source_status().findings)
    assert findings[0].code == "peer-refused"
    assert pair.target.fabric.power.state(away) is PowerState.RUNNING


def test_drain_without_anything_new_says_so(pair):
    pair.protect().synchronized()
    pair.point_now()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    pair.target.do(Kind.DRAIN, Drain(), pair.machine_id)
    assert pair.target.do(Kind.DRAIN, Drain(), pair.machine_id)["new_point_id"] is None


def test_copying_ahead_goes_on_until_a_cycle_was_fast_enough_or_the_time_is_over(pair):
    pair.protect().synchronized()
    pair.pause()
    before = pair.source_status().last_seq
    within = PreCopy(until_seconds=60, until_bytes=0)
    assert pair.source.do(Kind.PRE_COPY, within, pair.machine_id)["seconds"] <= 60
    once = pair.source_status().last_seq
    assert once == before + 1
    never = PreCopy(until_seconds=0, give_up_seconds=0.5)
    assert pair.source.do(Kind.PRE_COPY, never, pair.machine_id)["seconds"] > 0
    assert pair.source_status().last_seq > once + 1


def not_running(pair):
    pair.target.appliance.power_watch.look()
    return [each.code for each in pair.status().findings if each.code.startswith("failed-over-")]


def unremembered(pair):
    """Its appliance's database was put back, or a start was cut off."""
    pair.target.appliance.state.remove_fact(run_key(pair.machine_id, "failover"))


@pytest.mark.parametrize("is_left", ["running", "off", "missing"])
def test_a_failed_over_machine_that_nothing_is_remembered_of_is_told_by_what_its_site_has(pair, is_left):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    if is_left == "off":
        pair.target.fabric.power.stop(away)
    if is_left == "missing":
        undefined(pair, away)
    unremembered(pair)
    told = {"running": [], "off": ["failed-over-machine-off"], "missing": ["failed-over-machine-missing"]}
    assert not_running(pair) == told[is_left]


def test_a_failed_over_machine_that_its_owner_renamed_is_told_by_its_name_of_now(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    pair.target.fabric.power.stop(away)
    key = run_key(pair.machine_id, "failover")
    noted = RunFact.model_validate_json(pair.target.appliance.state.fact(key))
    called = pair.target.fabric.inventory.get(away).name
    before = noted.model_copy(update={"name": "before"})
    pair.target.appliance.state.put_fact(key, before.model_dump_json())
    assert not_running(pair) == ["failed-over-machine-off"]
    (told,) = (each.what for each in pair.status().findings if each.code == "failed-over-machine-off")
    assert told.startswith(f"{called} was failed over")


def test_a_removal_says_that_it_removed_a_machine_that_it_had_forgotten_and_ends_what_was_told_of_it(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    unremembered(pair)
    pair.target.replica(pair.machine_id).was_started_without_us()
    order = StopReplica(run="failover", fabric_id=away)
    said = pair.target.order(Kind.STOP_REPLICA, order, pair.machine_id).sentence
    assert said.startswith("removed ")
    assert "was on" in said
    assert "nothing of" not in said
    assert "started-without-vault" not in [each.code for each in pair.status().findings]


def refused_by_its_host(_request):
    raise errors.FabricError("no", do="yes")


def test_a_copy_that_was_started_without_a_vault_is_taken_over_where_it_stands_or_left_alone(
    pair, monkeypatch
):
    """A failover of the latest instant sealed a newer one, could not start from it, and the cancel that was
    advised removed the copy that served."""
    pair.protect().synchronized()
    first = pair.point_now()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    second = pair.point_now()
    away = fail_over(pair, first)
    unremembered(pair)
    pair.target.replica(pair.machine_id).was_started_without_us()
    looked = pair.target.order(Kind.CHECK_TARGET, CheckTarget(no_copy=True), pair.machine_id).facts
    assert looked["copy_on"]["point_id"] == first
    with pytest.raises(OrderFailed) as refused:
        start(pair, "failover", second, name=pair.name, fabric_id=away)
    assert f"machine failover web01 --point {first}" in str(refused.value)
    assert "started-without-vault" in [each.code for each in pair.status().findings]
    order = StopReplica(run="failover", fabric_id=away, begun_only=True)
    kept = pair.target.order(Kind.STOP_REPLICA, order, pair.machine_id).problem
    assert f"machine failover web01 --point {first}" in kept.do
    with monkeypatch.context() as broken, pytest.raises(OrderFailed):
        broken.setattr(pair.target.fabric.hosting, "create", refused_by_its_host)
        start(pair, "failover", first, name=pair.name, fabric_id=away)
    assert pair.target.order(Kind.STOP_REPLICA, order, pair.machine_id).problem is not None
    assert pair.target.fabric.power.state(away) is PowerState.RUNNING
    start(pair, "failover", first, name=pair.name, fabric_id=away)
    assert "started-without-vault" not in [each.code for each in pair.status().findings]
    assert pair.target.order(Kind.STOP_REPLICA, order, pair.machine_id).problem is None


@pytest.mark.parametrize("files", ["here", "gone"])
def test_a_copy_of_a_forgotten_failover_is_removed_only_if_it_can_lose_nothing(pair, files):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    pair.target.fabric.power.stop(away)
    hosted = pair.target.replica(pair.machine_id)
    kept = hosted.replica.files.run("failover")
    definition = pair.target.fabric.inventory.get(away).definition
    hosted.replica.close_run("failover")
    unremembered(pair)
    if files == "here":
        for disk in definition.disks:
            Path(disk.path).parent.mkdir(parents=True, exist_ok=True)
            Path(disk.path).touch()
    assert all(Path(disk.path).is_relative_to(kept) for disk in definition.disks)
    answer = pair.target.order(
        Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=away), pair.machine_id
    )
    if files == "gone":
        assert answer.problem is None
        assert pair.target.fabric.inventory.get(away) is None
    else:
        assert "nothing here knows of its failover" in answer.problem.message
        assert "disable protection" not in answer.problem.do
        assert pair.target.fabric.inventory.get(away) is not None


def test_what_a_machine_of_this_site_has_of_memory_is_there_for_the_one_that_takes_its_place(pair):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    capacity = pair.target.fabric.hosting.capacity()
    mine = pair.target.fabric.inventory.get(away).definition.memory_bytes
    # more than is free, and no more than there is in all: nearly all of a quiet host is free
    needed = capacity.free_bytes + min(mine, capacity.memory_bytes - capacity.free_bytes) // 2

    def warned():
        payload = CheckTarget(
            name="web01", fabric_id=away, memory=MemoryNeed(memory_bytes=needed, blocking=True)
        )
        found = pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]
        return [each["what"] for each in found if "free now" in each["what"]]

    assert warned() == []
    pair.target.fabric.power.stop(away)
    assert warned() != []
