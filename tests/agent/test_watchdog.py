"""File systems go on whatever becomes of the agent."""

import os
import signal
import time
from pathlib import Path

import pytest

from . import support_agent as support


def begun(agent, disks, base="first"):
    support.Replica(agent, disks).copy(base)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_an_agent_that_is_killed_while_frozen_is_survived(make_disk, start, pulses, kind, record_property):
    disk = make_disk(kind, size=320 << 20)
    agent = start([disk])
    begun(agent, [disk])
    pulse = pulses(disk)
    agent.hold_frozen("first", "point")
    killed = time.monotonic()
    agent.kill()
    pulse.goes_on()
    record_property("thawed_after_seconds", round(time.monotonic() - killed, 3))


def test_file_systems_that_stand_still_too_long_are_thawed_and_there_is_no_point(make_disk, start, pulses):
    disk = make_disk()
    agent = start([disk], "--thaw-after", "300ms")
    begun(agent, [disk])
    pulse = pulses(disk)
    agent.hold_frozen("first", "point")
    pulse.goes_on()
    agent.let_go("frozen")
    answer = agent.answer()
    assert answer["code"] == "no-instant"
    assert "watchdog" in answer["error"] or "thawed" in answer["error"]
    agent.told("open", view="frozen", base="first", name="later")


def test_a_thaw_by_somebody_else_is_no_point(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    begun(agent, [disk])
    agent.hold("read")
    agent.send("open", view="frozen", base="first", name="point")
    agent.held("read")
    support.run("fsfreeze", "-u", str(disk.mount))
    agent.let_go("read")
    assert "thawed" in agent.answer()["error"]


def test_a_file_system_that_somebody_else_froze_is_left_to_him(make_disk, start):
    one, other = make_disk(), make_disk()
    agent = start([one, other])
    begun(agent, [one, other])
    support.run("fsfreeze", "-f", str(one.mount))
    refused = agent.ask("open", view="frozen", base="first", name="point")
    assert "frozen by another program" in refused["error"]
    (other.mount / "goes-on").write_bytes(b"x")
    support.run("fsfreeze", "-u", str(one.mount))
    agent.told("open", view="frozen", base="first", name="later")


@pytest.mark.parametrize("seam", ["opened", "synced", "frozen", "read", "thawed"])
def test_an_agent_that_is_killed_at_a_seam_leaves_a_machine_that_writes_and_scans_anew(
    make_disk, start, pulses, seam
):
    disk = make_disk()
    agent = start([disk])
    begun(agent, [disk])
    pulse = pulses(disk)
    agent.hold(seam)
    agent.send("open", view="frozen", base="first", name="point")
    agent.held(seam)
    agent.kill()
    pulse.goes_on()
    pulse.end()
    later = start([disk])
    assert later.ask("open", view="frozen", base="first", name="point")["code"] == "scan-due"


def watchdog_of(agent):
    children = Path(f"/proc/{agent.process.pid}/task").glob("*/children")
    [pid] = {int(pid) for each in children for pid in each.read_text().split()}
    return pid


def test_without_its_watchdog_the_agent_thaws_by_itself_and_there_is_no_point(make_disk, start, pulses):
    disk = make_disk()
    agent = start([disk])
    begun(agent, [disk])
    pulse = pulses(disk)
    agent.hold_frozen("first", "point")
    os.kill(watchdog_of(agent), signal.SIGKILL)
    agent.let_go("frozen")
    assert agent.answer()["code"] == "no-instant"
    pulse.goes_on()
    agent.told("open", view="frozen", base="first", name="later")


def test_a_file_system_in_a_file_of_another_one_is_frozen_before_it(make_disk, start, folder, pulses):
    outer = make_disk(size=128 << 20)
    agent = start([outer])
    replica = support.Replica(agent, [outer])
    replica.copy("first")
    inner = support.LoopDisk(outer.mount, "inner", size=32 << 20)
    try:
        pulse = pulses(inner.make())
        pulse.goes_on()
        assert replica.receive_point("first", "point") == replica.digests
        pulse.goes_on()
    finally:
        pulse.end()
        inner.close()
