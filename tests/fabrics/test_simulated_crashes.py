"""Processes and hypervisors die at every instant, and the simulated fabric loses nothing."""

import contextlib
import fcntl
import os
import random
import signal
import struct
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from secondsite.datapath.disks import image
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host import files
from secondsite.fabrics.simulated.host.daemon import Daemon
from secondsite.ground.units import KiB, MiB
from tests.fabrics import support_simulated as support

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def python(*arguments):
    """A Python process of its own that uses the fabric; it is killed at the end, unless it ended before."""
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    ) as one:
        try:
            yield one
        finally:
            one.kill()
            one.wait(timeout=20)


def test_deltas_are_true_through_kills_of_the_process_that_reads_them(fabric):
    fabric_id = support.started(fabric, "machine", 8 * MiB)
    replica = fabric.root / "replica"
    replica.write_bytes(b"\xff" * (8 * MiB))
    chance = random.Random(4)
    with simulated.Writer(fabric.root, fabric_id, bytes_per_second=4 * MiB, block_bytes=4 * KiB):
        for _ in range(6):
            with python("-m", "tests.fabrics.support_simulated", fabric.root, fabric_id, replica) as reader:
                assert reader.stdout.readline() == "cycle\n"
                time.sleep(chance.uniform(0, 0.1))
    # not by how much it reads: on a busy machine all of the disk changes while one reader starts
    assert support.knows_its_base(fabric, fabric.root, fabric_id, replica)
    support.cycle(fabric, fabric.root, fabric_id, replica)
    assert replica.read_bytes() == support.content(fabric, fabric.root, fabric_id)


def test_a_replica_stays_true_when_the_hypervisor_is_killed(fabric):
    fabric_id = support.started(fabric, "machine", 4 * MiB, own_daemon=True)
    replica = fabric.root / "replica"
    replica.write_bytes(b"\xff" * (4 * MiB))
    with simulated.Writer(fabric.root, fabric_id, bytes_per_second=2 * MiB, block_bytes=4 * KiB):
        for _ in range(3):
            support.cycle(fabric, fabric.root, fabric_id, replica)
            simulated.kill(fabric.root, fabric_id)
            fabric.power.start(fabric_id)
            support.cycle(fabric, fabric.root, fabric_id, replica)
    fabric.power.shut_down(fabric_id, 10)
    support.cycle(fabric, fabric.root, fabric_id, replica)
    assert replica.read_bytes() == support.content(fabric, fabric.root, fabric_id)


VIEW_AND_WAIT = """
import sys, time
from pathlib import Path
from secondsite.fabrics import simulated
from tests.fabrics import support_simulated as support
root, fabric_id = Path(sys.argv[1]), sys.argv[2]
with simulated.open_fabric(root).tracking.open(support.request(root, fabric_id)):
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("power", ["running", "off"])
def test_a_view_whose_process_died_is_in_nobodys_way(fabric, power):
    fabric_id = support.started(fabric, "machine")
    if power == "off":
        fabric.power.stop(fabric_id)
    with python("-c", VIEW_AND_WAIT, fabric.root, fabric_id) as process:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(errors.FabricError, match="second frozen view"):
            support.content(fabric, fabric.root, fabric_id)
    assert support.content(fabric, fabric.root, fabric_id) == bytes(4 * MiB)
    assert list((fabric.root / "scratch").iterdir()) == []
    fabric.power.start(fabric_id)
    fabric.tracking.disable(fabric_id)


TRY_AND_WAIT = VIEW_AND_WAIT.replace(
    "support.request(root, fabric_id)", "dataclasses.replace(support.request(root, fabric_id), trial=True)"
).replace("import sys", "import dataclasses, sys")


@pytest.mark.parametrize("power", ["running", "off"])
def test_a_view_on_trial_whose_process_died_is_ended_by_whoever_opens_the_fabric_next(fabric, power):
    fabric_id = support.started(fabric, "machine")
    fabric.tracking.disable(fabric_id)
    if power == "off":
        fabric.power.stop(fabric_id)
    before = fabric.inventory.get(fabric_id)
    with python("-c", TRY_AND_WAIT, fabric.root, fabric_id) as process:
        assert process.stdout.readline() == "open\n"
        simulated.open_fabric(fabric.root)  # it is another process's: it stays
        assert list((fabric.root / "scratch").iterdir()) != [] or power == "off"
    simulated.open_fabric(fabric.root)
    assert list((fabric.root / "scratch").iterdir()) == []
    assert fabric.inventory.get(fabric_id) == before


@pytest.mark.parametrize(("when", "state"), [("before", PowerState.OFF), ("after", PowerState.RUNNING)])
def test_a_process_killed_around_a_call_leaves_its_effect_or_none(fabric, when, state):
    fabric_id = simulated.make_machine(fabric.root, "machine", [MiB])
    simulated.dial(fabric.root, [simulated.Fault(method="power.start", nth=1, when=when, kill=True)])
    assert forked(lambda: fabric.power.start(fabric_id)) == -signal.SIGKILL
    assert fabric.power.state(fabric_id) is state
    fabric.power.start(fabric_id)


HOLD_AND_WAIT = """
import sys, time
from pathlib import Path
from secondsite.fabrics import simulated
with simulated.open_fabric(Path(sys.argv[1])).common_pause.pause([sys.argv[2]], 60):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_hold_whose_process_died_lets_guests_go(fabric):
    fabric_id = support.started(fabric, "machine")
    with simulated.Guest(fabric.root, fabric_id) as guest:
        with python("-c", HOLD_AND_WAIT, fabric.root, fabric_id) as holder:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(errors.FabricError):
                guest.write("vda", 0, b"x" * 512, wait_seconds=0.1)
        guest.write("vda", 0, b"x" * 512, wait_seconds=1)


def test_records_that_were_flushed_survive_a_kill_of_the_hypervisor(fabric):
    fabric_id = support.started(fabric, "machine")
    with simulated.Guest(fabric.root, fabric_id) as guest:
        for number in (0, 1, 3):
            guest.record(number)
    simulated.kill(fabric.root, fabric_id)
    fabric.power.start(fabric_id)
    with simulated.Guest(fabric.root, fabric_id) as guest:
        read = guest.read
        assert simulated.records(lambda offset, length: read("vda", offset, length), 5) == [0, 1, 3]


def is_open_elsewhere(path):
    """Whether a QEMU has locks on an image."""
    with path.open("r+b") as file:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        return struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK


def test_a_daemon_that_was_killed_has_let_its_disks_go(tmp_path):
    """It once failed in one kill of five, on an idle host too."""
    path, daemon = tmp_path / "disk.qcow2", Daemon(tmp_path / "daemon")
    image.create(path, MiB)
    for _ in range(30):
        daemon.ensure()
        with daemon.session("test") as session:
            session.run(
                "blockdev-add",
                driver="qcow2",
                node_name="disk",
                file={"driver": "file", "filename": str(path)},
            )
            assert is_open_elsewhere(path)
        daemon.kill()
        assert not is_open_elsewhere(path)


def forked(act):
    """Does `act` in a forked process; how that one ended."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies_at(number, act):
    """Does `act` in a process that dies right after its n-th durable change; whether it did die there."""
    replace, left = files.replace, iter(range(number - 1, -1, -1))

    def replace_and_die(path, text):
        replace(path, text)
        if next(left) == 0:
            os._exit(9)

    def armed():
        files.replace = replace_and_die
        act()

    code = forked(armed)
    assert code in (0, 9), f"the process ended with {code}"
    return code == 9


@pytest.mark.parametrize("then", ["nothing", "power cut", "hypervisor killed"])
def test_a_consolidation_broken_off_anywhere_loses_nothing(fabric, then):
    for number in range(1, 10):
        fabric_id, original = support.home_again(fabric, f"machine-{number}")
        consolidate = partial(fabric.hosting.consolidate, fabric_id, {"vda": original}, lambda share: None)
        died = dies_at(number, consolidate)
        if then == "power cut":
            fabric.power.stop(fabric_id)
        elif then == "hypervisor killed":
            simulated.kill(fabric.root, fabric_id)
        fabric.power.start(fabric_id)
        consolidate()
        assert fabric.inventory.get(fabric_id).definition.disks[0].path == str(original)
        expected = b"a" * 4096 + b"b" * 4096 + bytes(4 * MiB - 8192)
        assert support.content(fabric, fabric.root, fabric_id) == expected
        fabric.power.stop(fabric_id)
        assert image.chain(original)[0].backing is None
        if not died:
            assert number == 3, "the record is switched once, and the closed overlays are noted once"
            return
    raise AssertionError("the consolidation never ended by itself")


def test_a_consolidation_under_a_writing_guest_asks_no_job_that_is_past_it(fabric, monkeypatch):
    monkeypatch.setattr("secondsite.fabrics.simulated.consolidation.POLL_SECONDS", 0.0)
    for number in range(10):
        fabric_id, original = support.home_again(fabric, f"machine-{number}")
        with simulated.Writer(fabric.root, fabric_id, bytes_per_second=64 * MiB, block_bytes=64 * KiB):
            told: list[float] = []
            fabric.hosting.consolidate(fabric_id, {"vda": original}, told.append)
            assert told == sorted(told)
        assert fabric.inventory.get(fabric_id).definition.disks[0].path == str(original)


@pytest.mark.parametrize("seconds", [0.0, 0.003, 0.01, 0.03])
def test_a_consolidation_whose_machine_loses_power_ends_and_loses_nothing(fabric, seconds):
    fabric_id, original = support.home_again(fabric, "machine")
    with ThreadPoolExecutor() as pool:
        merged = pool.submit(fabric.hosting.consolidate, fabric_id, {"vda": original}, lambda share: None)
        time.sleep(seconds)
        fabric.power.stop(fabric_id)
        merged.result(timeout=20)
    assert fabric.inventory.get(fabric_id).definition.disks[0].path == str(original)
    assert support.content(fabric, fabric.root, fabric_id)[:8192] == b"a" * 4096 + b"b" * 4096


def test_power_and_views_broken_off_anywhere_can_be_repeated(fabric):
    for number in range(1, 20):
        fabric_id = simulated.make_machine(fabric.root, f"machine-{number}", [4 * MiB])
        replica = fabric.root / f"replica-{number}"
        replica.write_bytes(b"\xff" * (4 * MiB))

        def live(fabric_id=fabric_id, replica=replica):
            fabric.power.start(fabric_id)
            for value in (b"1", b"2"):
                support.write(fabric, fabric_id, 64 * KiB, value * 4096)
                support.cycle(fabric, fabric.root, fabric_id, replica)
            fabric.power.stop(fabric_id)

        died = dies_at(number, live)
        live()
        assert replica.read_bytes() == support.content(fabric, fabric.root, fabric_id)
        fabric.tracking.disable(fabric_id)
        assert image.chain(Path(fabric.inventory.get(fabric_id).definition.disks[0].path))[0].bitmaps == ()
        if not died:
            assert number > 6
            return
    raise AssertionError("the sequence never ended by itself")
