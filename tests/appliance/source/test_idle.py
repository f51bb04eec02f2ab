"""Machines that write nothing: their cycles open no view, and carry all that a cycle carries."""

from datetime import datetime

import pytest

from rig.appliances import Pair, policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.records import Records
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Drain, Kind, PreCopy, RunCycle
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow

FIRMWARE = {"nvram": b"variables" * 999}


@pytest.fixture
def pair(sites):
    """Wholly replicated, with two disks and firmware state; the loop is paused."""
    a, b = sites
    fabric_id = simulated.make_machine(a.root, "web01", [4 * MiB, 4 * MiB], firmware=FIRMWARE)
    a.fabric.power.start(fabric_id)
    a.write(fabric_id, 0, noise(1 * MiB), "vdb")
    pair = Pair(a, b, fabric_id).protect().synchronized()
    a.do(Kind.PAUSE_REPLICATION, None, pair.machine_id)
    cycle(pair)
    return pair


def cycle(pair):
    fact = pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
    pair.target.do(Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), pair.machine_id)
    return fact


def forbid_views(pair):
    """From now on whoever opens a view of the machine fails; `simulated.dial(root, [])` ends that."""
    fault = simulated.Fault(method="tracking.open", machine=pair.fabric_id, code="fabric-error")
    simulated.dial(pair.source.root, [fault])


def needs_a_view(pair, **wish):
    """Whether the next cycle opens a view, which then fails."""
    forbid_views(pair)
    report = pair.source.order(Kind.RUN_CYCLE, RunCycle(**wish), pair.machine_id)
    simulated.dial(pair.source.root, [])
    assert report.problem is None or report.problem.code == "fabric-error"
    return report.problem is not None


def checkpoints(pair):
    return list(Records(pair.source.root).need(pair.fabric_id).checkpoints)


def test_an_idle_machine_gets_points_of_later_instants_without_a_view(pair):
    forbid_views(pair)
    before = checkpoints(pair)
    points = [cycle(pair) for _ in range(3)]
    instants = [datetime.fromisoformat(point["taken_at"]) for point in points]
    assert instants == sorted(set(instants))
    assert pair.status().processed_at == instants[-1]
    assert checkpoints(pair) == before
    assert [point["changed_bytes"] for point in points] == [0, 0, 0]
    for key in ("vda", "vdb"):
        held = pair.target.point_bytes(pair.machine_id, points[-1]["point_id"], key)
        assert held == pair.source.read(pair.fabric_id, key)


@pytest.mark.slow
def test_the_loop_goes_on_without_views_and_says_nothing(pair):
    forbid_views(pair)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    for _ in range(3):
        until_processed(pair, now())
    assert pair.source_status().findings == ()


def test_copying_ahead_of_an_idle_machine_needs_no_view(pair):
    forbid_views(pair)
    fact = pair.source.do(Kind.PRE_COPY, PreCopy(), pair.machine_id)
    assert fact["changed_bytes"] == 0


@pytest.mark.slow
def test_whatever_was_written_on_any_disk_is_in_the_next_point(pair):
    for key in ("vda", "vdb", "vda"):
        assert not needs_a_view(pair)
        pair.source.write(pair.fabric_id, 2 * MiB, noise(4096), key)
        assert needs_a_view(pair)
        fact = cycle(pair)
        held = pair.target.point_bytes(pair.machine_id, fact["point_id"], key)
        assert held == pair.source.read(pair.fabric_id, key)


def test_firmware_state_that_changed_travels_without_a_view(pair):
    forbid_views(pair)
    changed = {"nvram": b"other variables" * 999}
    simulated.write_firmware(pair.source.root, pair.fabric_id, changed)
    point = pair.target.replica(pair.machine_id).record(cycle(pair)["point_id"])
    assert [file.name for file in point.manifest.firmware] == ["nvram"]
    before = pair.status().points[0].id
    assert point.manifest.firmware != pair.target.replica(pair.machine_id).record(before).manifest.firmware


def test_an_application_consistent_point_is_frozen_in_a_view(pair):
    assert needs_a_view(pair, app_consistent=True)


def test_a_grown_disk_and_a_machine_that_is_off_get_a_view(pair):
    assert not needs_a_view(pair)
    simulated.resize(pair.source.root, pair.fabric_id, "vda", 6 * MiB)
    assert needs_a_view(pair)
    fact = cycle(pair)
    assert len(pair.target.point_bytes(pair.machine_id, fact["point_id"])) == 6 * MiB
    assert not needs_a_view(pair)
    pair.source.fabric.power.stop(pair.fabric_id)
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.OFF
    assert needs_a_view(pair)


def test_a_machine_that_starts_again_and_writes_nothing_needs_a_view_no_more(pair):
    power = pair.source.fabric.power
    power.stop(pair.fabric_id)
    cycle(pair)
    power.allow_start(pair.fabric_id, pair.machine_id, with_host=False)  # it is paused as for a failover
    power.start(pair.fabric_id)
    assert not needs_a_view(pair)
    pair.source.write(pair.fabric_id, 0, noise(4096))
    assert needs_a_view(pair)


def test_a_checkpoint_that_was_left_over_goes_by_itself(pair):
    failing = simulated.Fault(method="tracking.acknowledge", nth=1, code="fabric-error")
    simulated.dial(pair.source.root, [failing])
    pair.source.write(pair.fabric_id, 0, noise(4096))
    cycle(pair)
    eventually(lambda: len(checkpoints(pair)) == 1, 10)
    assert not needs_a_view(pair)


def test_after_a_restart_of_the_appliance_an_idle_machine_needs_no_view(pair):
    pair.source.stop()
    pair.source.start()
    assert not needs_a_view(pair)


def test_a_policy_without_points_still_moves_the_processed_instant(pair):
    count = len(pair.status().points)
    setup = pair.source_setup(policy=policy(crash_consistent_every_seconds=3600, cycle_seconds=0.1))
    pair.source.do(Kind.START_REPLICATION, setup, pair.machine_id)
    first = pair.status().processed_at
    eventually(lambda: pair.status().processed_at > first)
    assert len(pair.status().points) == count
