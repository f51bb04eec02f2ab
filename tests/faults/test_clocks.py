"""A clock that is set by an hour, forth and back, at the source, the target or the vault, while machines replicate."""

import os
import time

import pytest

from rig import Rig
from rig.machines import SimulatedMachine
from secondsite.domain.points import RecoveryPointChoice
from secondsite.domain.units import KiB, MiB
from tests.e2e import support_e2e as e2e
from tests.e2e import support_simulated_sites as simulated_sites
from tests.faults.support_clocks import LIBRARY, Clock
from tests.support.eventually import eventually

HOUR = 3600
THRESHOLD_SECONDS = 60
PROTECT = ("enable-protection", "web01", "db01", "--source", "a", "--target", "b", "--policy", "clocks")

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LIBRARY.exists(), reason="libfaketime (Debian: faketime) is not installed"),
]


@pytest.fixture(scope="module")
def rig():
    """Two sites; two machines with points a few seconds apart, of which retention keeps half an hour."""
    rig = Rig("simulated")
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
            rig.machines[name] = SimulatedMachine.make(
                name,
                rig.home("appliance-a"),
                disk_bytes=(simulated_sites.DISK_BYTES,),
                network=rig.bridge("a"),
            )

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as client:
            client.add_policy(
                e2e.policy(
                    name="clocks",
                    retention_seconds=1800,
                    rpo_threshold_seconds=THRESHOLD_SECONDS,
                    crash_consistent_every_seconds=1,
                    cycle_seconds=0.5,
                )
            )
        e2e.do(rig, *PROTECT)
        e2e.new_points(rig, "web01", 2)
        yield rig


def skew(rig):
    return e2e.codes(rig, "web01").get("clock-skew", "")


def order_is_by_number(rig, name="web01"):
    """Ids as the vault lists them, oldest first; never the clock's order."""
    found = e2e.points(rig, name)
    assert [(point.epoch, point.seq) for point in found] == sorted(
        (point.epoch, point.seq) for point in found
    )
    newest = e2e.machine(rig, name).newest_point
    assert (newest.epoch, newest.seq) >= (found[-1].epoch, found[-1].seq)
    return [point.id for point in found]


def latest(rig):
    with rig.client() as client:
        return client.possible("web01", RecoveryPointChoice.LATEST).point


@pytest.mark.parametrize("side", ["source", "target", "vault"])
def test_a_clock_that_is_set_by_an_hour_is_named_and_costs_no_point(rig, side, figure):
    ids, slowest = order_is_by_number(rig), 0.0
    for offset in (HOUR, 0, -HOUR, 0):
        simulated_sites.write(rig, "web01", MiB, os.urandom(64 * KiB))
        rig.clocks[side].set(offset)
        began = time.monotonic()
        new = e2e.new_points(rig, "web01", 2, within_seconds=60)
        slowest = max(slowest, time.monotonic() - began)
        if offset:
            eventually(lambda: abs(seconds_in(skew(rig)) - HOUR) < 30, 30)
        else:
            eventually(lambda: not skew(rig), 30)
        now = order_is_by_number(rig)
        assert set(ids) <= set(now), "points went"
        assert {point.id for point in new} <= set(now)
        assert e2e.machine(rig, "web01").rpo_seconds >= 0
        assert latest(rig).seq >= new[-1].seq
        ids = now
    eventually(lambda: e2e.codes(rig, "web01") == {}, 60)
    figure(**{f"slowest_two_points_seconds_{side}": slowest, f"points_lost_{side}": 0})


def seconds_in(what):
    """How far the finding says that the clocks differ."""
    return float(what.partition(" is ")[2].partition(" s ")[0] or 0)


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_a_job_that_waits_while_the_vaults_clock_is_set_ends(rig, offset, figure):
    started = e2e.do(rig, "test-failover", "web01", "--no-wait")
    rig.clocks["vault"].set(offset)
    began = time.monotonic()
    try:
        job = e2e.told(rig, "job", "follow", started["job_id"])
    finally:
        rig.clocks["vault"].set(0)
    assert job["state"] == "succeeded"
    e2e.do(rig, "cleanup-test-failover", "web01", "--notes", "the clock was set meanwhile")
    figure(**{f"drill_seconds_{offset:+d}": time.monotonic() - began})


def test_a_source_whose_clock_went_back_fails_over_to_what_came_last(rig, figure):
    rig.clocks["source"].set(-HOUR)
    try:
        e2e.new_points(rig, "db01", 2)
        simulated_sites.write(rig, "db01", 2 * MiB, os.urandom(64 * KiB))
        e2e.new_points(rig, "db01", 2)
        newest = order_is_by_number(rig, "db01")[-1]
        job = e2e.do(rig, "failover", "db01", "--choice", "latest")
    finally:
        rig.clocks["source"].set(0)
    facts = e2e.facts_of(rig, job, "Failover")["db01"]
    figure(loses_seconds=facts["loses_seconds"])
    assert number(facts["point_id"]) >= number(newest)
    assert facts["loses_seconds"] >= 0


def number(point_id):
    """(epoch, seq) of a point's id."""
    epoch, _dot, seq = point_id.rpartition("-")[2].partition(".")
    return int(epoch), int(seq)
