"""A fence stays until the machine is at home again: through a last delta of many cycles, and a reprotect
that was undone."""

import contextlib
import json
from datetime import UTC, datetime

import pytest

from rig.appliances.pair import Pair
from rig.appliances.runs import back, fail_over, start, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import State, run_key
from secondsite.appliance.source import fence
from secondsite.domain.errors import FabricError
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Kind, RemoveReplica, RunCycle, ShutDown, StopReplication

pytestmark = pytest.mark.slow


def away_and_back(pair):
    """Failed over, and protected the other way round; what the machine is at the other site."""
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    away = fail_over(pair, pair.point_now(final=True))
    turned(pair, away)
    return away


def undo_reprotect(pair, **more):
    pair.target.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    payload = RemoveReplica(restore_machine=True, **more)
    for _ in range(2):
        pair.source.do(Kind.REMOVE_REPLICA, payload, pair.machine_id)


def test_a_last_delta_of_several_cycles_keeps_the_fence(make_site):
    """A bitmap was lost while the machine was shut down, so all blocks are compared, slice by slice."""
    a, b = make_site("a", slice_bytes=MiB).start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    fabric_id = pair.fabric_id
    simulated.set_autostart(a.root, fabric_id)
    a.write(fabric_id, 0, noise(4 * MiB))
    pair.protect().synchronized()
    simulated.kill(a.root, fabric_id)
    a.do(Kind.RESYNCHRONIZE, None, pair.machine_id)
    a.do(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)
    assert pair.source_status().fenced
    simulated.reboot(a.root)
    assert a.fabric.power.state(fabric_id) is PowerState.OFF


def test_a_reprotect_that_was_undone_leaves_the_old_copy_fenced_and_can_be_repeated(pair):
    pair.protect().synchronized()
    away = away_and_back(pair)
    undo_reprotect(pair, still_protected=True)
    with pytest.raises(Exception, match="failed over"):
        pair.source.fabric.power.start(pair.fabric_id)
    pair.target.write(away, 0, noise(MiB))
    reverse = back(pair, away)
    assert reverse.target.point_bytes(pair.machine_id, reverse.point_now()) == pair.target.read(away)


def told(pair):
    """What the old copy's appliance says of its power."""
    said = pair.source.appliance.replication.old_copies.statuses()
    return {each.machine_id: each.power for each in said}.get(pair.machine_id)


def on_since(pair):
    """Since when it is said to be on."""
    said = pair.source.appliance.replication.old_copies.statuses()
    return {each.machine_id: each.on_since for each in said}.get(pair.machine_id)


def start_by_hand(pair):
    """The owner starts the old copy, whatever stands in the way."""
    host = Host(pair.source.root)
    with host.records.lock(pair.fabric_id, "a deed of its owner"):
        host.open(host.records.need(pair.fabric_id))


def test_an_old_copy_that_an_undone_reprotect_left_is_watched_until_it_is_withdrawn_again(pair):
    """No source stands for it there."""
    pair.protect().synchronized()
    away = away_and_back(pair)
    undo_reprotect(pair, still_protected=True)
    eventually(lambda: told(pair) == "off", 20)
    before = datetime.now(UTC)
    start_by_hand(pair)
    eventually(lambda: told(pair) == "running", 20)
    assert on_since(pair) >= before
    pair.source.stop()
    pair.source.start()
    eventually(lambda: told(pair) == "running", 20)
    back(pair, away)
    eventually(lambda: told(pair) is None, 20)


def test_the_fence_of_an_old_copy_without_a_source_is_put_up_once_the_hypervisor_answers(pair):
    """It did not answer while the reprotect was undone."""
    pair.protect().synchronized()
    away_and_back(pair)
    simulated.dial(pair.source.root, [simulated.Fault(method="power.forbid_start", code="fabric-error")])
    pair.target.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    undone = RemoveReplica(restore_machine=True, still_protected=True)
    assert pair.source.order(Kind.REMOVE_REPLICA, undone, pair.machine_id).problem is not None
    pair.source.stop()
    simulated.dial(pair.source.root, [])
    pair.source.start()
    record = Host(pair.source.root).records
    eventually(lambda: record.need(pair.fabric_id).start_forbidden, 20)


def test_a_machine_that_came_home_after_an_undone_reprotect_is_no_old_copy(pair):
    pair.protect().synchronized()
    away = away_and_back(pair)
    undo_reprotect(pair, still_protected=True)
    reverse = back(pair, away)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    reverse.pause()
    start(reverse, "failover", point_id, name=pair.name, fabric_id=pair.fabric_id, home=True)
    pair.source.appliance.replication.old_copies.look()
    assert told(pair) is None
    assert not Host(pair.source.root).records.need(pair.fabric_id).start_forbidden


@pytest.mark.parametrize("seam", ["opened", "created"])
def test_an_appliance_that_dies_before_it_starts_what_comes_home_starts_it_when_it_is_told_again(pair, seam):
    """What was made is there by then, with our mark, and no source stands for it: it is no old copy."""
    simulated.set_autostart(pair.source.root, pair.fabric_id)
    pair.protect().synchronized()
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    away = fail_over(pair, pair.point_now(final=True))
    reverse = turned(pair, away)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    reverse.pause()

    def come_home():
        start(reverse, "failover", point_id, name=pair.name, fabric_id=pair.fabric_id, home=True)

    def die(name):
        if name == f"appliance.run.{seam}":
            raise RuntimeError("it dies here")

    with seams.armed(die), pytest.raises(Exception, match="it dies here"):
        come_home()
    pair.source.stop()
    pair.source.start()
    pair.source.appliance.replication.old_copies.look()
    come_home()
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING
    pair.source.restart()
    pair.source.appliance.replication.old_copies.look()
    assert not Host(pair.source.root).records.need(pair.fabric_id).start_forbidden


def test_an_old_copy_that_was_left_alone_stays_fenced_although_a_failover_into_it_is_remembered(pair):
    """As by a database from before: what is remembered of a way home must not free what runs at the other
    site."""
    pair.protect().synchronized()
    away_and_back(pair)
    undo_reprotect(pair, still_protected=True)
    pair.source.stop()
    record = Host(pair.source.root).records
    with contextlib.closing(State(pair.source.config.state_file)) as state:
        state.put_fact(run_key(pair.machine_id, "failover"), json.dumps({"fabric_id": pair.fabric_id}))
    pair.source.fabric.power.allow_start(pair.fabric_id, pair.machine_id, with_host=True)
    assert not record.need(pair.fabric_id).start_forbidden
    pair.source.start()
    eventually(lambda: record.need(pair.fabric_id).start_forbidden, 20)


def test_an_old_copy_that_an_undone_reprotect_left_is_its_owners_again_when_protection_ends(pair):
    pair.protect().synchronized()
    away_and_back(pair)
    undo_reprotect(pair, still_protected=True)
    for _ in range(2):
        pair.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    found = pair.source.fabric.inventory.get(pair.fabric_id)
    assert found is not None
    assert found.tag is None
    pair.source.fabric.power.start(pair.fabric_id)


def test_a_way_back_that_ends_with_protection_gives_the_old_machine_back_free(pair):
    pair.protect().synchronized()
    away_and_back(pair)
    undo_reprotect(pair)
    pair.source.fabric.power.start(pair.fabric_id)


def test_a_target_that_knows_the_machine_no_more_does_not_say_that_it_may_start(pair):
    pair.protect().synchronized()
    asked = pair.source.appliance.replication.ask_target
    assert asked(pair.fabric_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    assert not asked(pair.fabric_id)
    assert not pair.source_status().fenced


def test_nobody_is_told_that_it_may_start_while_its_fence_cannot_be_put_up(pair, monkeypatch):
    """In a full home the platform kept nothing of it, and was believed."""
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    replication, power = pair.source.appliance.replication, pair.source.fabric.power

    def full(*_of):
        raise FabricError("No space left on device.", do="Free some.")

    with monkeypatch.context() as patch:
        patch.setattr(type(power), "forbid_start", full)
        patch.setattr(fence, "AGAIN_SECONDS", 0.0)
        for _ in range(2):
            assert not replication.ask_target(pair.fabric_id)
    assert pair.source_status().fenced
    assert replication.ask_target(pair.fabric_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id).start_forbidden
