"""Links that break, bits that flip, disks that fill and daemons that die: said, survived, made up for."""

import os
import signal
import time
from typing import Any

import pytest

from rig.appliances import Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import Kind, PointOrder

pytestmark = pytest.mark.slow


def codes(pair):
    return {finding.code for finding in (*pair.source_status().findings, *pair.status().findings)}


def whole_again(pair):
    """A new point that equals the disk, and nothing left to say."""
    point_id = eventually(lambda: next_point(pair), 30)
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    eventually(lambda: codes(pair) == set(), 15)


def next_point(pair):
    """A new point that is processed; None while that is refused."""
    try:
        return pair.point_now()
    except (AssertionError, OrderFailed):
        return None


@pytest.fixture
def linked(make_site):
    """A protected machine whose cycles pass a link; the limiter makes them last."""
    a, b = make_site("a").start(), make_site("b").start()
    link = Relay(b.port)
    pair = Pair(a, b, a.make_machine())
    pair.protect(target_addresses=(f"127.0.0.1:{link.port}",)).synchronized()
    yield pair, link
    link.close()


def test_a_link_that_is_cut_in_the_middle_of_a_cycle_and_comes_back_costs_only_that_cycle(linked):
    pair, link = linked
    pair.source.limit(2 * MiB)
    before = link.passed_bytes()
    pair.source.write(pair.fabric_id, 0, noise(5 * MiB))
    eventually(lambda: link.passed_bytes() - before > 1 * MiB, 20)
    link.cut()
    eventually(lambda: "peer-unreachable" in codes(pair), 15)
    pair.source.write(pair.fabric_id, 6 * MiB, noise(512 * KiB))
    assert list(pair.source.config.scratch.iterdir()) == []
    pair.source.limit(None)
    link.up = True
    began = time.monotonic()
    whole_again(pair)
    passed = link.passed_bytes() - before
    print(
        f"in step {time.monotonic() - began:.1f} s after the link was back; {passed} bytes passed for "
        f"{5.5 * MiB:.0f}"
    )
    assert passed < 13 * MiB


@pytest.mark.parametrize("seam", ["merge.intended", "merge.begun", "merge.renamed"])
def test_a_storage_daemon_that_dies_in_the_middle_of_a_merge_loses_no_point(pair, seam, record_property):
    pair.protect().synchronized()
    kept = {}
    for number in range(3):
        pair.source.write(pair.fabric_id, number * MiB, noise(256 * KiB))
        kept[pair.point_now()] = pair.source.read(pair.fabric_id)
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    daemon = pair.target.appliance.host.daemon
    killed: list[Any] = []

    def kill(name):
        if name == f"appliance.replica.{seam}" and not killed and daemon.pid is not None:
            killed.append(daemon.pid)
            os.kill(daemon.pid, signal.SIGKILL)

    doomed = next(iter(kept))
    del kept[doomed]
    with seams.armed(kill):
        began = time.monotonic()
        pair.target.drop(pair.machine_id, doomed)
    assert killed
    record_property("seconds_until_merged", round(time.monotonic() - began, 2))
    print(f"figure seconds_until_merged_{seam} = {time.monotonic() - began:.2f}")
    assert doomed not in [point.id for point in pair.status().points]
    for point_id, content in kept.items():
        assert pair.target.point_bytes(pair.machine_id, point_id) == content
        assert (
            pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id).problem
            is None
        )
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.source.write(pair.fabric_id, 5 * MiB, noise(256 * KiB))
    whole_again(pair)
