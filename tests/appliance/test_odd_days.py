"""Links that break, bits that flip, disks that fill and daemons that die: said, survived, made up for."""

import contextlib
import os
import signal
import socket
import time

import pytest

from secondsite.domain.units import KiB, MiB
from secondsite.jobs import seams
from secondsite.wire.orders import DropPoint, Kind
from tests.appliance.support_relay import Relay
from tests.appliance.support_sites import Pair, noise
from tests.support.eventually import eventually


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
    except AssertionError:
        return None


class Link(Relay):
    """A relay that can be cut: what passes is lost, nobody gets through until it is back."""

    def __init__(self, target_port):
        self.up = True
        super().__init__(target_port)

    def cut(self):
        self.up = False
        for each in self.sockets[1:]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            far.settimeout(None)
            self.sockets += [near, far]
            self._begin(self._pump, near, far, len(self.sockets))
            self._begin(self._pump, far, near, None)

    def passed_bytes(self):
        return sum(count for _, _, count in list(self.passed))


@pytest.fixture
def linked(make_site):
    """A protected machine whose cycles pass a link; the limiter makes them last."""
    a, b = make_site("a").start(), make_site("b").start()
    link = Link(b.port)
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
        f"in step {time.monotonic() - began:.1f} s after the link was back; {passed} bytes passed for {5.5 * MiB:.0f}"
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
    killed = []

    def kill(name):
        if name == f"appliance.replica.{seam}" and not killed and daemon.pid is not None:
            killed.append(daemon.pid)
            os.kill(daemon.pid, signal.SIGKILL)

    doomed = next(iter(kept))
    del kept[doomed]
    with seams.armed(kill):
        began = time.monotonic()
        pair.target.do(Kind.DROP_POINT, DropPoint(point_id=doomed), pair.machine_id)
    assert killed
    record_property("seconds_until_merged", round(time.monotonic() - began, 2))
    print(f"figure seconds_until_merged_{seam} = {time.monotonic() - began:.2f}")
    assert doomed not in [point.id for point in pair.status().points]
    for point_id, content in kept.items():
        assert pair.target.point_bytes(pair.machine_id, point_id) == content
        assert (
            pair.target.order(Kind.VERIFY_POINT, DropPoint(point_id=point_id), pair.machine_id).problem
            is None
        )
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.source.write(pair.fabric_id, 5 * MiB, noise(256 * KiB))
    whole_again(pair)
