"""Disks of replicas that nobody works on."""

import pytest

from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import idle_disks
from secondsite.ground.units import KiB
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow


@pytest.fixture
def replicated(pair):
    pair.protect().synchronized()
    return pair


def hosted_at_the_target(pair):
    return pair.target.appliance.host.get(pair.machine_id)


def cycle(pair):
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, deadline_seconds=60)
    processed = hosted_at_the_target(pair).received_seq()
    eventually(lambda: hosted_at_the_target(pair).replica.state.processed_seq == processed, 30)


def late(monkeypatch, seconds):
    monkeypatch.setattr(idle_disks, "LEAST_SECONDS", -seconds)
    monkeypatch.setattr(idle_disks, "MOST_SECONDS", -seconds)


def test_a_replica_that_nobody_works_on_is_closed_and_its_next_cycle_opens_it_again(replicated, monkeypatch):
    hosted = hosted_at_the_target(replicated)
    cycle(replicated)
    assert hosted.replica.heads.used_at is not None
    replicated.target.appliance.resting.look()
    assert hosted.replica.heads.used_at is not None, "it was used a moment ago"
    late(monkeypatch, 1)
    eventually(lambda: replicated.target.appliance.resting.look() or hosted.replica.heads.used_at is None, 30)
    assert hosted.findings.all() == ()
    cycle(replicated)
    assert hosted.replica.heads.used_at is not None


def test_a_replica_that_somebody_has_is_left_to_them(replicated, monkeypatch):
    hosted = hosted_at_the_target(replicated)
    cycle(replicated)
    late(monkeypatch, 1)
    with hosted.lock("the test", 10):
        replicated.target.appliance.resting.look()
        assert hosted.replica.heads.used_at is not None


@pytest.mark.parametrize(
    ("cycle_seconds", "seconds"), [(0.5, 15.0), (5.0, 15.0), (30.0, 90.0), (300.0, 120.0)]
)
def test_a_machine_that_writes_comes_again_before_its_replica_rests(cycle_seconds, seconds):
    policy = PolicyShape(
        name="p", rpo_threshold_seconds=60, retention_seconds=3600, crash_consistent_every_seconds=300,
        app_consistent_every_seconds=0, cycle_seconds=cycle_seconds,
    )  # fmt: skip
    assert idle_disks.rests_after_seconds(policy) == seconds
