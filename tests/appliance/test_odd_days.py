"""Links that break, bits that flip, disks that fill and daemons that die: said, survived, made up for."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from secondsite.datapath import cycle_file
from secondsite.domain.units import KiB, MiB
from secondsite.jobs import seams
from secondsite.wire.orders import DropPoint, Kind, RunCycle
from tests.appliance.support_relay import Relay
from tests.appliance.support_sites import DISK_BYTES, Pair, noise
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
    limiter = pair.source.appliance.peers.limiter
    limiter.set_rate(2 * MiB)
    before = link.passed_bytes()
    pair.source.write(pair.fabric_id, 0, noise(5 * MiB))
    eventually(lambda: link.passed_bytes() - before > 1 * MiB, 20)
    link.cut()
    eventually(lambda: "peer-unreachable" in codes(pair), 15)
    pair.source.write(pair.fabric_id, 6 * MiB, noise(512 * KiB))
    assert list(pair.source.config.scratch.iterdir()) == []
    limiter.set_rate(None)
    link.up = True
    began = time.monotonic()
    whole_again(pair)
    passed = link.passed_bytes() - before
    print(
        f"in step {time.monotonic() - began:.1f} s after the link was back; {passed} bytes passed for {5.5 * MiB:.0f}"
    )
    assert passed < 13 * MiB


def test_one_flipped_bit_in_the_inbox_is_found_and_made_up_for_with_few_bytes(pair):
    pair.source.write(pair.fabric_id, 0, noise(7 * MiB))
    pair.protect().synchronized()
    hosted = pair.target.replica(pair.machine_id)
    said = set()
    with seams.armed(lambda _name: said.update(finding.code for finding in hosted.findings.all())):
        with hosted.hold("a test", 10):
            pair.source.write(pair.fabric_id, 3 * MiB, noise(256 * KiB))
            pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
            path = max(
                (each for _, _, each in cycle_file.scan(hosted.replica.inbox)), key=lambda p: p.stat().st_size
            )
            with path.open("r+b") as file:
                file.seek(path.stat().st_size // 2)
                (byte,) = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte ^ 0x10]))
            before = pair.source_status().total_wire_bytes
        whole_again(pair)
    sent = pair.source_status().total_wire_bytes - before
    print(f"made up for with {sent} bytes of {DISK_BYTES}")
    assert "replica-damaged" in said
    assert sent < 1 * MiB


@pytest.fixture
def small_scratch(tmp_path):
    """A file system of 32 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], capture_output=True, timeout=20
    )
    if done.returncode:
        pytest.skip("no right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_a_scratch_file_system_that_fills_up_ends_the_cycle_and_the_guest_writes_on(make_site, small_scratch):
    a = make_site("a", scratch=small_scratch / "scratch").start()
    b = make_site("b").start()
    pair = Pair(a, b, a.make_machine(size_bytes=64 * MiB))
    a.write(pair.fabric_id, 0, noise(60 * MiB))
    pair.protect().synchronized(40)
    said = set()
    a.appliance.peers.limiter.set_rate(256 * KiB)
    source = a.appliance.replication.get(pair.machine_id)
    with seams.armed(lambda _name: said.update(finding.code for finding in source.findings.all())):
        a.write(pair.fabric_id, 0, noise(8 * MiB))
        eventually(lambda: list(a.config.scratch.iterdir()), 10)
        pace = threading.Event()
        for number in range(60):
            a.write(pair.fabric_id, number * MiB, noise(1 * MiB))
            said.update(codes(pair))
            pace.wait(0.1)  # 10 MB/s: half a second of it fits in the fifth that the guard leaves
        eventually(lambda: "scratch-exhausted" in said.union(codes(pair)), 20)
    content = a.read(pair.fabric_id)
    a.appliance.peers.limiter.set_rate(None)
    whole_again(pair)
    assert a.read(pair.fabric_id) == content


@pytest.mark.parametrize("seam", ["merge.intended", "merge.begun", "merge.renamed"])
def test_a_storage_daemon_that_dies_in_the_middle_of_a_merge_loses_no_point(pair, seam):
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
        pair.target.do(Kind.DROP_POINT, DropPoint(point_id=doomed), pair.machine_id)
    assert killed
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
