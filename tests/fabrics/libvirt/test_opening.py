"""What libvirt knows of QEMU is asked once for a root, and a QEMU that does not tell it keeps no root
closed."""

import os
import re
import signal
from pathlib import Path

import pytest

from rig import processes
from rig.eventually import eventually
from secondsite.fabrics.libvirt.host import emulator

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest]

REOPENINGS = 6


def knowledge(held):
    """Of the QEMU that runs its machines: what a root before it asked of others is there too."""
    kept = (held.root / "cache" / "qemu" / "capabilities").glob("*.xml")
    (found,) = [each for each in kept if "qemu-system-x86_64</emulator>" in each.read_text()]
    return found


def asked_at(held):
    return knowledge(held).stat().st_mtime_ns


def flags_of(held):
    return re.findall(r"<flag .*/>", knowledge(held).read_text())


def make_outdated(held):
    """As if QEMU had been updated."""
    path = knowledge(held)
    path.write_text(re.sub(r"<qemuctime>\d+", "<qemuctime>1", path.read_text(), count=1))


def probes(held):
    return [
        pid for pid in processes.of_folder(held.root) if "none,accel=kvm:tcg" in emulator.command_line(pid)
    ]


@pytest.mark.timeout(300)
def test_a_root_is_opened_again_without_asking_qemu(held):
    """On whichever processor."""
    held.reopen()
    held.ask("state", machine=held.machine)
    before = asked_at(held)
    for _ in range(REOPENINGS):
        held.reopen()
        assert held.ask("state", machine=held.machine) == "running"
    assert asked_at(held) == before


def test_all_processors_are_used_after_an_opening(held):
    held.reopen()
    held.ask("state", machine=held.machine)
    threads = [int(entry.name) for entry in Path(f"/proc/{held.process.pid}/task").iterdir()]
    assert len(threads) > 1
    assert {frozenset(os.sched_getaffinity(tid)) for tid in threads} == {frozenset(os.sched_getaffinity(0))}


def test_a_qemu_that_hangs_while_it_is_asked_what_it_can_do_is_ended(held):
    held.kill()
    make_outdated(held)
    before, flags = asked_at(held), flags_of(held)
    held.open()
    held.process.tell("state", machine=held.machine)
    (hung, *_) = eventually(lambda: probes(held), 30)
    os.kill(hung, signal.SIGSTOP)
    assert held.process.hear() == {"ok": "running"}
    assert not emulator.command_line(hung)
    held.ask("stop", machine=held.machine)
    held.ask("start", machine=held.machine)
    assert asked_at(held) != before
    assert flags_of(held) == flags
