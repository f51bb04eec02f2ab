"""Somebody has the vault delete history, and time passes."""

from rig.appliances import policy
from secondsite.appliance.target import trimming
from secondsite.ground import host
from secondsite.ground.uptime import Uptime
from secondsite.wire.control.orders import HoldPoint, Kind, PointOrder, UpdatePolicy


class Time:
    """The uptime of the targets' host, as the test has it go on."""

    def __init__(self, monkeypatch):
        self._ahead, self._boot, really = 0.0, "", host.uptime
        monkeypatch.setattr(
            host, "uptime", lambda: Uptime(really().boot + self._boot, really().seconds + self._ahead)
        )

    def passes(self, seconds):
        self._ahead += seconds

    def begins_anew(self):
        self._boot += "x"


def lower(pair, retention_seconds=0):
    shorter = UpdatePolicy(policy=policy(retention_seconds=retention_seconds))
    pair.target.do(Kind.UPDATE_POLICY, shorter, pair.machine_id)


def hold(pair, point_id):
    pair.target.do(Kind.HOLD_POINT, HoldPoint(point_id=point_id, reason="clean"), pair.machine_id)


def release(pair, point_id):
    pair.target.do(Kind.RELEASE_POINT, PointOrder(point_id=point_id), pair.machine_id)


def points(pair):
    return [point.id for point in pair.status().points]


def trimmed(pair):
    """What is left when the target has dropped all that it may."""
    hosted = pair.target.replica(pair.machine_id)
    with hosted.lock("a test", 30):
        while trimming.trim(pair.target.appliance.host, hosted):
            continue
    return points(pair)
