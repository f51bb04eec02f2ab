"""What happens when the process that embeds libvirt, or QEMU itself, is killed at a bad moment."""

import json
import os
import signal
import uuid
from pathlib import Path

import pytest

import guestkit
from rig.eventually import eventually
from rig.images import qemu_img
from tests.fabrics.libvirt.support_held import held_root, image_of

pytestmark = [pytest.mark.every(by="test"), pytest.mark.slow]


@pytest.fixture(scope="module")
def agent_root():
    """A guest with an agent, and its `console`."""
    with held_root() as held:
        console = guestkit.Console(held.root / "console.log")
        guest = guestkit.build(kind=guestkit.Kind.AGENT)
        disk = guestkit.make_disk(held.root / "images" / "a.qcow2")
        held.define(guestkit.domain_xml("a", str(uuid.uuid4()), guest, [disk], [], console.path))
        assert console.wait_for_boot(within_seconds=90).ready
        eventually(lambda: held.ask("agent_is_connected", machine=held.machine), within_seconds=30)
        yield held, console


def test_the_incremental_chain_goes_on_after_the_process_was_killed(held):
    held.cycle(None, "secondsite-1-1")
    qemu = held.qemu
    held.kill()
    held.write_block_of_nobody(5)
    held.open()
    assert held.ask("state", machine=held.machine) == "running"
    assert held.qemu == qemu
    assert held.cycle("secondsite-1-1", "secondsite-1-2")["dirty"] == [5]
    assert held.ask("checkpoints", machine=held.machine) == ["secondsite-1-2"]


def test_a_view_whose_owner_was_killed_is_ended_by_the_next_one(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("open_view", machine=held.machine, base="secondsite-1-1", name="secondsite-1-2")
    held.kill()
    held.write_block_of_nobody(3)
    held.open()
    assert held.cycle("secondsite-1-1", "secondsite-1-3")["dirty"] == [3]
    assert list((held.root / "scratch").iterdir()) == []


def test_lost_checkpoint_metadata_is_made_anew_from_the_bitmaps(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("forget_checkpoints", machine=held.machine)
    assert held.ask("checkpoints", machine=held.machine) == []
    assert held.cycle("secondsite-1-1", "secondsite-1-2")["dirty"] == []
    assert held.ask("checkpoints", machine=held.machine) == ["secondsite-1-2"]


def test_bitmaps_without_metadata_are_removed_when_they_are_not_the_base(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("forget_checkpoints", machine=held.machine)
    held.cycle(None, "secondsite-1-2")
    held.ask("stop", machine=held.machine)
    info = json.loads(qemu_img("info", "--output=json", image_of(held)))
    assert [one["name"] for one in info["format-specific"]["data"]["bitmaps"]] == ["secondsite-1-2"]


def test_a_killed_qemu_leaves_no_base_and_a_new_chain_begins(held):
    held.cycle(None, "secondsite-1-1")
    os.kill(held.qemu, signal.SIGKILL)
    eventually(lambda: held.ask("state", machine=held.machine) == "off")
    assert held.cycle("secondsite-1-1", "secondsite-1-2", keep=False)["bitmaps"] == []
    held.ask("start", machine=held.machine)
    assert held.cycle("secondsite-1-1", "secondsite-1-3")["bitmaps"] == []
    assert held.cycle("secondsite-1-3", "secondsite-1-4")["dirty"] == []
    assert held.ask("checkpoints", machine=held.machine) == ["secondsite-1-4"]


def test_qemu_and_process_killed_together_leave_no_base(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("open_view", machine=held.machine, base="secondsite-1-1", name="secondsite-1-2")
    os.kill(held.qemu, signal.SIGKILL)
    held.reopen()
    eventually(lambda: held.ask("state", machine=held.machine) == "off")
    held.ask("start", machine=held.machine)
    assert held.cycle("secondsite-1-1", "secondsite-1-3")["bitmaps"] == []
    assert held.cycle("secondsite-1-3", "secondsite-1-4")["dirty"] == []


def test_machines_held_by_a_process_that_is_killed_go_on_without_it(held):
    held.ask("hold", machine=held.machine, budget=60)
    assert held.ask("state", machine=held.machine) == "paused"
    held.kill()
    eventually(lambda: held.monitor_of_nobody("query-status")["running"])
    held.open()
    assert held.ask("state", machine=held.machine) == "running"
    assert list((held.root / "work" / "held").iterdir()) == []


@pytest.mark.guest
def test_a_guest_frozen_by_a_process_that_is_killed_is_thawed_without_it(agent_root):
    held, console = agent_root
    freeze(held)
    os.kill(watchdog_of(held), signal.SIGTERM)  # as a service manager does when a service is gone
    held.kill()
    writes_on(console)
    held.open()


@pytest.mark.guest
def test_a_guest_whose_watchdog_was_killed_too_is_thawed_by_the_next_process(agent_root):
    held, console = agent_root
    freeze(held)
    os.kill(watchdog_of(held), signal.SIGKILL)
    held.kill()
    held.open()
    writes_on(console)
    eventually(lambda: not left_over(held), within_seconds=30)


def left_over(held):
    """The guests that stand on record as frozen."""
    return list((held.root / "work" / "frozen").glob("*"))


def freeze(held):
    # libvirt finds guests and their agents again in threads of its own
    eventually(lambda: "ok" in held.process.try_to("is_frozen", machine=held.machine), within_seconds=60)
    eventually(lambda: not left_over(held), within_seconds=30)
    held.ask("freeze", machine=held.machine)
    assert held.ask("is_frozen", machine=held.machine) == "frozen"


def watchdog_of(held):
    """The pid of the process that stands by while a guest is frozen."""
    for task in Path(f"/proc/{held.process.pid}/task").iterdir():
        for pid in (task / "children").read_text().split():
            if b"lifeline" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    raise AssertionError("no watchdog")


def writes_on(console):
    said = console.last_record
    console.wait_for(lambda seen: seen.last_record > said + 3, within_seconds=60)
