"""A fence stays until the machine is at home again: through a last delta of many cycles, and a reprotect that was undone."""

import pytest

from rig.appliances.pair import Pair
from rig.appliances.runs import back, fail_over, turned
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
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
