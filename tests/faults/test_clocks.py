"""A clock that is set by an hour, forth and back, at the source, the target or the vault, while machines
replicate."""

import os
import threading
import time

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB
from tests.faults.support_clocks import CACHE_SECONDS, LIBRARY, Clock
from tests.support import command_line, policies

HOUR = 3600
DISK_BYTES = 96 * MiB
THRESHOLD_SECONDS = 60
PROTECT = ("enable-protection", "web01", "db01", "--source", "a", "--target", "b", "--policy", "clocks")

pytestmark = [
    pytest.mark.every,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LIBRARY.exists(), reason="libfaketime (Debian: faketime) is not installed"),
]


class ClockedRig(Rig):
    """`clocks`: of the vault, the source and the target."""

    clocks: dict[str, Clock]


@pytest.fixture(scope="module")
def rig():
    """Two sites; two machines with points a few seconds apart, of which retention keeps half an hour."""
    rig = ClockedRig("simulated")
    rig.clocks = {
        name: Clock(process, rig.folder / f"{name}.clock")
        for name, process in {
            "vault": rig.vault,
            "source": rig.appliances["a"],
            "target": rig.appliances["b"],
        }.items()
    }

    def furnish(site):
        for name in ("web01", "db01") if site == "a" else ():
            rig.make_simulated(name, disk_bytes=(DISK_BYTES,))

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(
                **policies.quick(
                    name="clocks",
                    retention_seconds=1800,
                    rpo_threshold_seconds=THRESHOLD_SECONDS,
                    crash_consistent_every_seconds=1,
                    cycle_seconds=0.5,
                ).model_dump()
            )
        command_line.do(rig, *PROTECT)
        rig.new_points("web01", 2)
        yield rig


def skew(rig):
    return rig.codes("web01").get("clock-skew", "")


def order_is_by_number(rig, name="web01"):
    """Ids as the vault lists them, oldest first; never the clock's order."""
    found = rig.points(name)
    assert [(point.epoch, point.seq) for point in found] == sorted(
        (point.epoch, point.seq) for point in found
    )
    newest = rig.machine(name).points.newest
    assert (newest.epoch, newest.seq) >= (found[-1].epoch, found[-1].seq)
    return [point.id for point in found]


def latest(rig):
    with rig.client() as vault:
        return vault.machines["web01"].preview().point


@pytest.mark.parametrize("side", ["source", "target", "vault"])
def test_a_clock_that_is_set_by_an_hour_is_named_and_costs_no_point(rig, side, figure):
    ids, slowest = order_is_by_number(rig), 0.0
    for offset in (HOUR, 0, -HOUR, 0):
        rig.simulated["web01"].write(MiB, os.urandom(64 * KiB))
        rig.clocks[side].set(offset)
        began = time.monotonic()
        new = rig.new_points("web01", 2, within_seconds=60)
        slowest = max(slowest, time.monotonic() - began)
        if offset:
            eventually(lambda: abs(seconds_in(skew(rig)) - HOUR) < 30, 30)
        else:
            eventually(lambda: not skew(rig), 30)
        now = order_is_by_number(rig)
        assert set(ids) <= set(now), "points went"
        assert {point.id for point in new} <= set(now)
        assert rig.machine("web01").rpo.seconds >= 0
        assert latest(rig).seq >= new[-1].seq
        ids = now
    eventually(lambda: rig.codes("web01") == {}, 60)
    figure(**{f"slowest_two_points_seconds_{side}": slowest, f"points_lost_{side}": 0})


def seconds_in(what):
    """How far the finding says that the clocks differ."""
    return float(what.partition(" is ")[2].partition(" s ")[0] or 0)


@pytest.mark.parametrize("target_is", ["running", "off"])
def test_all_clocks_that_are_set_forward_at_once_cost_no_point(rig, target_is):
    """Between two points then: neither site's clock shows that the other's was set."""
    known = order_is_by_number(rig)
    try:
        # a point may just be under way and part the clocks from each other, hardly at each of three times
        for hours in (1, 2, 3):
            if target_is == "off":
                rig.appliances["b"].kill()
            for clock in rig.clocks.values():
                clock.set(hours * HOUR)
            rig.appliances["b"].start()
            rig.new_points("web01", 2, within_seconds=60)
            now = order_is_by_number(rig)
            assert set(known) <= set(now), "points went"
            known = now
    finally:
        for clock in rig.clocks.values():
            clock.set(0)


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_job_that_waits_while_the_vaults_clock_is_set_ends(rig, offset, figure):
    rig.appliances["b"].kill()
    started = command_line.do(rig, "test-failover", "web01", "--no-wait")
    rig.clocks["vault"].set(offset)
    threading.Event().wait(1.5 * CACHE_SECONDS)
    began = time.monotonic()
    try:
        assert command_line.told(rig, "job", "show", started["job_id"])["state"] != "succeeded"
        rig.appliances["b"].start()
        job = command_line.told(rig, "job", "follow", started["job_id"])
    finally:
        rig.clocks["vault"].set(0)
    assert job["state"] == "succeeded"
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "the clock was set meanwhile")
    figure(**{f"drill_seconds_{offset:+d}": time.monotonic() - began})


def test_a_source_whose_clock_went_back_fails_over_to_what_came_last(rig, figure):
    rig.clocks["source"].set(-HOUR)
    try:
        rig.new_points("db01", 2)
        rig.simulated["db01"].write(2 * MiB, os.urandom(64 * KiB))
        rig.new_points("db01", 2)
        newest = order_is_by_number(rig, "db01")[-1]
        job = command_line.do(rig, "failover", "db01", "--choice", "latest")
    finally:
        rig.clocks["source"].set(0)
    facts = command_line.facts_of(rig, job, "Failover")["db01"]
    figure(loses_seconds=facts.loses_seconds)
    assert number(facts.point_id) >= number(newest)
    assert facts.loses_seconds >= 0


def number(point_id):
    """(epoch, seq) of a point's id."""
    epoch, _dot, seq = point_id.rpartition("-")[2].partition(".")
    return int(epoch), int(seq)
