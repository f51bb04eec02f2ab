"""Holds on points: the target's appliance keeps them, with or without a vault."""

import pytest

from rig.appliances import policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB
from secondsite.wire.control.orders import HoldPoint, Kind, ReleasePoint, UpdatePolicy

pytestmark = pytest.mark.slow


def _hold(pair, point_id, reason="before the upgrade"):
    facts = pair.target.do(Kind.HOLD_POINT, HoldPoint(point_id=point_id, reason=reason), pair.machine_id)
    return {point["id"]: point["held"] for point in facts["points"]}


def _ids(pair):
    return [point.id for point in pair.status().points]


def _latest_only(pair):
    pair.target.do(Kind.UPDATE_POLICY, UpdatePolicy(policy=policy(retention_seconds=0)), pair.machine_id)


def test_a_held_point_outlives_retention_and_a_restart_and_goes_when_it_is_released(pair):
    pair.target.restart(deletion_delay_seconds=0)
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    content, kept = pair.source.read(pair.fabric_id), pair.point_now()
    assert _hold(pair, kept)[kept] == "before the upgrade"
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    newest = pair.point_now()
    pair.target.stop()
    pair.target.start()
    _latest_only(pair)
    eventually(lambda: _ids(pair) == [kept, newest], within_seconds=30)
    assert {point.id: point.held for point in pair.status().points} == {
        kept: "before the upgrade",
        newest: None,
    }
    assert pair.target.point_bytes(pair.machine_id, kept) == content
    another = ReleasePoint(point_id=kept, reason="yesterday's")
    refused = pair.target.order(Kind.RELEASE_POINT, another, pair.machine_id)
    assert refused.problem.code == "changed-meanwhile"
    assert "for another reason now: before the upgrade" in refused.problem.message
    assert _ids(pair) == [kept, newest]
    meant = ReleasePoint(point_id=kept, reason="before the upgrade")
    pair.target.do(Kind.RELEASE_POINT, meant, pair.machine_id)
    eventually(lambda: _ids(pair) == [newest], within_seconds=30)


def test_a_point_that_is_not_there_cannot_be_held(pair):
    pair.protect().synchronized()
    refused = pair.target.order(Kind.HOLD_POINT, HoldPoint(point_id="p9", reason="why not"), pair.machine_id)
    assert refused.problem.code == "not-found"
