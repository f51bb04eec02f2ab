"""What happens when the process that embeds libvirt, or QEMU itself, is killed at a bad moment."""

import json
import os
import shutil
import signal
import tempfile
import uuid
from pathlib import Path

import pytest

import guestkit
from tests.fabrics.libvirt.rig import lend_capabilities, qemu_img
from tests.fabrics.libvirt.sites import ApplianceProcess, Site
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def agent_site():
    root = Path(tempfile.mkdtemp(prefix="ss-lv-"))
    (root / "images").mkdir()
    lend_capabilities(root)
    site = Site.__new__(Site)
    site.root, site.console = root, guestkit.Console(root / "console.log")
    disk = guestkit.make_disk(root / "images" / "a.qcow2")
    guest = guestkit.build(kind=guestkit.Kind.AGENT)
    site.appliance = ApplianceProcess(root)
    try:
        xml = guestkit.domain_xml("a", str(uuid.uuid4()), guest, [disk], [], site.console.path)
        site.machine = site.appliance.ask("define", xml=xml)
        site.appliance.ask("start", machine=site.machine)
        assert site.console.wait_for_boot(within_seconds=90).ready
        eventually(lambda: site.appliance.ask("agent_is_connected", machine=site.machine), within_seconds=30)
        yield site
    finally:
        site.end()
        shutil.rmtree(root, ignore_errors=True)


def test_the_incremental_chain_goes_on_after_the_process_was_killed(site):
    site.cycle(None, "secondsite-1-1")
    qemu = site.qemu
    site.appliance.kill()
    site.write_block_without_appliance(5)
    site.appliance = ApplianceProcess(site.root)
    assert site.appliance.ask("state", machine=site.machine) == "running"
    assert site.qemu == qemu
    assert site.cycle("secondsite-1-1", "secondsite-1-2")["dirty"] == [5]
    assert site.appliance.ask("checkpoints", machine=site.machine) == ["secondsite-1-2"]


def test_a_view_whose_owner_was_killed_is_ended_by_the_next_one(site):
    site.cycle(None, "secondsite-1-1")
    site.appliance.ask("open_view", machine=site.machine, base="secondsite-1-1", name="secondsite-1-2")
    site.appliance.kill()
    site.write_block_without_appliance(3)
    site.appliance = ApplianceProcess(site.root)
    assert site.cycle("secondsite-1-1", "secondsite-1-3")["dirty"] == [3]
    assert list((site.root / "scratch").iterdir()) == []


def test_lost_checkpoint_metadata_is_made_anew_from_the_bitmaps(site):
    site.cycle(None, "secondsite-1-1")
    site.appliance.ask("forget_checkpoints", machine=site.machine)
    assert site.appliance.ask("checkpoints", machine=site.machine) == []
    assert site.cycle("secondsite-1-1", "secondsite-1-2")["dirty"] == []
    assert site.appliance.ask("checkpoints", machine=site.machine) == ["secondsite-1-2"]


def test_bitmaps_without_metadata_are_removed_when_they_are_not_the_base(site):
    site.cycle(None, "secondsite-1-1")
    site.appliance.ask("forget_checkpoints", machine=site.machine)
    site.cycle(None, "secondsite-1-2")
    site.appliance.ask("stop", machine=site.machine)
    info = json.loads(qemu_img("info", "--output=json", str(site.image)))
    assert [one["name"] for one in info["format-specific"]["data"]["bitmaps"]] == ["secondsite-1-2"]


def test_a_killed_qemu_leaves_no_base_and_a_new_chain_begins(site):
    site.cycle(None, "secondsite-1-1")
    os.kill(site.qemu, signal.SIGKILL)
    eventually(lambda: site.appliance.ask("state", machine=site.machine) == "off")
    assert site.cycle("secondsite-1-1", "secondsite-1-2", keep=False)["bitmaps"] == []
    site.appliance.ask("start", machine=site.machine)
    assert site.cycle("secondsite-1-1", "secondsite-1-3")["bitmaps"] == []
    assert site.cycle("secondsite-1-3", "secondsite-1-4")["dirty"] == []
    assert site.appliance.ask("checkpoints", machine=site.machine) == ["secondsite-1-4"]


def test_qemu_and_process_killed_together_leave_no_base(site):
    site.cycle(None, "secondsite-1-1")
    site.appliance.ask("open_view", machine=site.machine, base="secondsite-1-1", name="secondsite-1-2")
    os.kill(site.qemu, signal.SIGKILL)
    site.new_appliance()
    eventually(lambda: site.appliance.ask("state", machine=site.machine) == "off")
    site.appliance.ask("start", machine=site.machine)
    assert site.cycle("secondsite-1-1", "secondsite-1-3")["bitmaps"] == []
    assert site.cycle("secondsite-1-3", "secondsite-1-4")["dirty"] == []


def test_machines_held_by_a_process_that_is_killed_go_on_without_it(site):
    site.appliance.ask("hold", machine=site.machine, budget=60)
    assert site.appliance.ask("state", machine=site.machine) == "paused"
    site.appliance.kill()
    eventually(lambda: site.monitor_of_nobody("query-status")["running"])
    site.appliance = ApplianceProcess(site.root)
    assert site.appliance.ask("state", machine=site.machine) == "running"
    assert list((site.root / "work" / "held").iterdir()) == []


@pytest.mark.guest
def test_a_guest_frozen_by_a_process_that_is_killed_is_thawed_without_it(agent_site):
    site = agent_site
    freeze(site)
    os.kill(watchdog_of(site), signal.SIGTERM)  # as a service manager does when a service is gone
    site.appliance.kill()
    writes_on(site)
    site.appliance = ApplianceProcess(site.root)


@pytest.mark.guest
def test_a_guest_whose_watchdog_was_killed_too_is_thawed_by_the_next_process(agent_site):
    site = agent_site
    freeze(site)
    os.kill(watchdog_of(site), signal.SIGKILL)
    site.appliance.kill()
    site.appliance = ApplianceProcess(site.root)
    writes_on(site)
    eventually(lambda: not left_over(site), within_seconds=30)


def left_over(site):
    """The guests that stand on record as frozen."""
    return list((site.root / "work" / "frozen").glob("*"))


def freeze(site):
    # libvirt finds guests and their agents again in threads of its own
    eventually(lambda: "ok" in site.appliance.try_to("is_frozen", machine=site.machine), within_seconds=60)
    eventually(lambda: not left_over(site), within_seconds=30)
    site.appliance.ask("freeze", machine=site.machine)
    assert site.appliance.ask("is_frozen", machine=site.machine) == "frozen"


def watchdog_of(site):
    """The pid of the process that stands by while a guest is frozen."""
    for task in Path(f"/proc/{site.appliance.process.pid}/task").iterdir():
        for pid in (task / "children").read_text().split():
            if b"lifeline" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
    raise AssertionError("no watchdog")


def writes_on(site):
    said = site.console.last_record
    site.console.wait_for(lambda console: console.last_record > said + 3, within_seconds=60)
