"""File systems that stay frozen between two verbs, as for one instant of several machines."""

import os
import time

import pytest

from rig.eventually import eventually
from secondsite.ground.units import MiB

from . import support_agent as support


@pytest.fixture
def begun(make_disk, start):
    """A disk, its agent, and a replica that has its first copy."""

    def begin(*options, **disk_words):
        disk = make_disk(**disk_words)
        agent = start([disk], *options)
        replica = support.Replica(agent, [disk])
        replica.copy("first")
        return disk, agent, replica

    return begin


def standing(agent):
    return agent.told("status").get("standing")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_view_within_a_freeze_freezes_no_second_time_and_is_the_instant_of_the_whole(begun, pulses, kind):
    disk, agent, replica = begun(kind=kind, size=320 * MiB)
    pulse = pulses(disk)
    pulse.goes_on()
    assert agent.told("freeze", name="group", seconds=60)["name"] == "group"
    assert standing(agent)["left_seconds"] > 0
    count = pulse.count
    answer, truth = agent.point("first", "point")
    assert answer["ok"], answer
    assert pulse.count <= count + 1
    thawed = agent.told("thaw", name="group")
    assert thawed["verdict"] == {"valid": True}
    assert thawed["window"]["frozen_seconds"] >= answer["told"]["instant"]["window"]["frozen_seconds"]
    replica.receive("point")
    assert replica.digests == truth
    agent.told("acknowledge", name="point")
    pulse.goes_on()
    assert standing(agent) is None
    assert replica.receive_point("point", "next") == replica.digests


def test_what_is_written_past_the_freeze_makes_its_instant_none_at_the_thaw(begun):
    disk, agent, replica = begun(fs_size=32 * MiB, size=64 * MiB)
    agent.told("freeze", name="group", seconds=60)
    agent.told("open", view="frozen", base="first", name="point")
    refused = agent.ask("acknowledge", name="point")
    assert "thaw first" in refused["error"]
    write_past(disk, 40 * MiB)
    answer = agent.ask("thaw", name="group")
    assert answer["code"] == "no-instant", answer
    assert not answer["told"]["verdict"].get("scan_due")
    assert not agent.ask("acknowledge", name="point")["ok"]
    assert replica.receive_point("first", "again") == replica.digests


def test_what_was_written_between_the_freeze_and_the_view_makes_it_none(begun):
    disk, agent, replica = begun(fs_size=32 * MiB, size=64 * MiB)
    agent.told("freeze", name="group", seconds=60)
    write_past(disk, 40 * MiB)
    assert agent.ask("open", view="frozen", base="first", name="point")["code"] == "no-instant"
    agent.told("thaw", name="group")
    assert replica.receive_point("first", "again") == replica.digests


def write_past(disk, at):
    file = os.open(disk.device, os.O_RDWR)
    os.pwrite(file, b"\1" * support.BLOCK, at)
    os.fsync(file)
    os.close(file)


def test_a_freeze_that_nobody_ends_ends_by_itself_and_its_instant_is_none(begun, pulses):
    disk, agent, replica = begun("--thaw-after", "2s")
    pulse = pulses(disk)
    assert agent.told("freeze", name="group", seconds=3600)["left_seconds"] <= 2
    agent.told("open", view="frozen", base="first", name="point")
    pulse.goes_on()
    answer = agent.ask("thaw", name="group")
    assert answer["code"] == "no-instant", answer
    assert "was over" in answer["error"]
    pulse.end()
    assert replica.receive_point("first", "again") == replica.digests


def test_an_agent_that_dies_between_the_two_is_survived(begun, pulses):
    disk, agent, _ = begun("--thaw-after", "60s")
    pulse = pulses(disk)
    agent.told("freeze", name="group", seconds=60)
    agent.kill()
    pulse.goes_on()


@pytest.mark.parametrize("seam", ["opened", "synced", "standing", "frozen", "read"])
def test_an_agent_that_is_killed_at_a_seam_of_the_last_view_is_survived(begun, start, pulses, seam):
    disk, agent, _ = begun("--thaw-after", "60s")
    pulse = pulses(disk)
    agent.hold(seam)
    agent.send("open", view="frozen", last=True, base="first", name="last", seconds=60, grace=1)
    agent.held(seam)
    agent.kill()
    pulse.goes_on()
    pulse.end()
    later = start([disk])
    assert later.ask("open", view="frozen", base="first", name="point")["code"] == "scan-due"


def test_while_frozen_nothing_else_is_begun_and_asking_again_changes_nothing(begun):
    _, agent, _ = begun()
    agent.told("freeze", name="group", seconds=60)
    agent.told("freeze", name="group", seconds=60)
    for do, words in (
        ("open", {"view": "live", "base": "first", "name": "pass"}),
        ("open", {"view": "frozen", "base": "first", "name": "last", "last": True, "seconds": 9, "grace": 1}),
        ("begin-scan", {"base": "first"}),
        ("freeze", {"name": "other", "seconds": 1}),
    ):
        assert "'group'" in agent.ask(do, **words)["error"].replace('"', "'")
    assert not agent.ask("thaw", name="other")["ok"]
    first = agent.told("thaw", name="group")
    assert agent.told("thaw", name="group") == first


@pytest.mark.parametrize("words", [{"seconds": 1}, {"name": "g"}, {"name": "g", "seconds": -1}])
def test_a_freeze_without_a_name_or_an_end_is_refused(begun, words):
    _, agent, _ = begun()
    assert not agent.ask("freeze", **words)["ok"]


def test_the_last_view_stays_frozen_until_it_is_given_up(begun, pulses):
    disk, agent, replica = begun()
    pulse = pulses(disk)
    pulse.goes_on()
    words = {"view": "frozen", "last": True, "seconds": 60, "grace": 1}
    told = agent.told("open", base="first", name="last", **words)
    assert "trial" in told["instant"]["stopped"]["problem"]
    count = pulse.count
    assert agent.told("open", base="first", name="last", **words)["dirty_blocks"] == told["dirty_blocks"]
    replica.receive("last")
    assert replica.digests[disk.key] == disk.digests()
    assert "acknowledge" in agent.ask("power-off", name="last")["error"]
    assert pulse.count <= count + 1
    agent.told("acknowledge", name="last")
    assert standing(agent)["last"]
    assert agent.told("thaw", name="last", start_services=True)["verdict"]["valid"]
    pulse.goes_on()
    assert "not frozen" in agent.ask("power-off", name="last")["error"]
    pulse.end()
    assert replica.receive_point("last", "next") == replica.digests


def test_a_last_view_that_nobody_ends_is_given_up_by_itself(begun, pulses):
    disk, agent, _ = begun()
    pulse = pulses(disk)
    agent.told("open", view="frozen", last=True, base="first", name="last", seconds=1, grace=1)
    agent.told("acknowledge", name="last")
    pulse.goes_on()
    assert "not frozen" in agent.ask("power-off", name="last")["error"]


def test_a_machine_that_was_written_after_its_last_view_is_not_switched_off(begun):
    disk, agent, _ = begun(fs_size=32 * MiB, size=64 * MiB)
    agent.told("open", view="frozen", last=True, base="first", name="last", seconds=60, grace=1)
    agent.told("acknowledge", name="last")
    write_past(disk, 40 * MiB)
    assert "was written" in agent.ask("power-off", name="last")["error"]
    assert standing(agent)["last"]


def test_a_power_off_that_the_kernel_refuses_lets_the_machine_go_on(begun, pulses):
    disk, agent, _ = begun()
    pulse = pulses(disk)
    agent.told("open", view="frozen", last=True, base="first", name="last", seconds=60, grace=1)
    agent.told("acknowledge", name="last")
    agent.told("power-off", name="last")
    pulse.goes_on()
    assert standing(agent) is None


def test_more_than_may_be_held_leaves_a_last_view_that_can_be_tried_again(begun, pulses):
    disk, agent, replica = begun("--held-mib", "1")
    pulse = pulses(disk)
    (disk.mount / "a").write_bytes(os.urandom(4 * MiB))
    words = {"view": "frozen", "last": True, "seconds": 60, "grace": 1}
    assert agent.ask("open", base="first", name="last", **words)["code"] == "too-much"
    pulse.goes_on()
    pulse.end()
    agent.told("open", view="live", base="first", name="pass", flushed=True)
    replica.receive("pass")
    agent.told("acknowledge", name="pass")
    agent.told("open", base="pass", name="last", **words)
    replica.receive("last")
    assert replica.digests[disk.key] == disk.digests()


def unwritten(agent, base):
    return agent.told("unwritten", base=base)["unwritten"]


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_what_was_not_written_since_the_last_view_is_known_without_a_freeze(begun, kind):
    disk, agent, replica = begun(kind=kind, size=320 * MiB, fs_size=304 * MiB)
    replica.receive_point("first", "point")
    agent.told("acknowledge", name="point")
    base = eventually(lambda: rested(agent, replica), support.PATIENCE)
    assert replica.digests[disk.key] == disk.digests()
    assert agent.told("unwritten", base="other") == {
        "unwritten": False,
        "sizes_bytes": {disk.key: disk.size},
    }
    write_past(disk, disk.size - support.BLOCK)
    assert not unwritten(agent, base)
    assert replica.receive_point(base, "next") == replica.digests


def rested(agent, replica):
    """The name of a live view after which nothing was written."""
    name, base = f"at-{time.monotonic_ns()}", agent.told("status")["acknowledged"]
    agent.told("open", view="live", base=base, name=name, flushed=True)
    replica.receive(name)
    agent.told("acknowledge", name=name)
    return name if unwritten(agent, name) else None


def test_a_disk_that_was_written_while_its_last_view_was_opened_is_not_called_unwritten(begun, writers):
    disk, agent, _ = begun()
    writing = writers.start("direct", disk.mount / "direct", 1)
    eventually(lambda: (disk.mount / "direct").exists(), support.PATIENCE)
    base = "first"
    for turn in range(5):
        agent.told("open", view="live", base=base, name=f"l{turn}")
        agent.told("acknowledge", name=f"l{turn}")
        base = f"l{turn}"
        before = disk.writes()
        eventually(lambda before=before: disk.writes() > before, support.PATIENCE)
        assert not unwritten(agent, base)
    assert writing.poll() is None
