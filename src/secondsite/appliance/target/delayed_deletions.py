"""The deletions of one replica that wait for this appliance's deletion delay, in a file beside its disks.

REPLICA/delayed.json    as domain.delayed_deletions.DelayedDeletion

The file moves with the replica, and no vault and no database can undo it. If it cannot be read, everything
counts as kept from now on."""

import contextlib
import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from ...datapath.files import write_durably
from ...domain.delayed_deletions import DelayedDeletion, LoweredRetention, ReleasedHold
from ...ground import host, real_files, seams
from ...ground.problem import StoreFull
from ...ground.units import DAY, MINUTE
from ...ground.uptime import Uptime

FILE = "delayed.json"
WRITTEN_EVERY_SECONDS = 10 * MINUTE
"""How often the passed time is written: a reboot of the host may lengthen the delay by that much."""
FOR_EVER_SECONDS = 366 * DAY

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """This site's own rules: retention and holds of the vault can only lengthen what they keep."""

    deletion_delay_seconds: float = 0
    minimum_retention_seconds: int = 0


class DelayedDeletions:
    """The delayed deletions of one replica, in its `folder`. The caller has locked the replica, or only
    looks."""

    def __init__(self, folder: Path, rules: Rules, retention_seconds: int) -> None:
        self._path = folder / FILE
        self._rules = rules
        self._now = self._written = self._load(retention_seconds)
        with contextlib.suppress(StoreFull):  # nor may it keep the replica from being opened
            self.follow(retention_seconds)

    def follow(self, retention_seconds: int) -> None:
        """Note the retention that the policy has from now on, in seconds. Durable when it returns."""
        self._write_if_changed(self._now.at(host.uptime()).following(retention_seconds))

    def release(self, point_id: str) -> None:
        """Note that the hold of a point is about to end. Durable when it returns."""
        self._now = self._now.at(host.uptime()).releasing(point_id)
        self._write(self._now)

    def hold(self, point_id: str) -> None:
        """Note that a point is held again."""
        self._write_if_changed(self._now.at(host.uptime()).holding(point_id))

    def look(self, point_ids: Collection[str]) -> None:
        """Count the time that has passed, and forget what has waited long enough."""
        now = self._now.at(host.uptime()).within(self._rules.deletion_delay_seconds, point_ids)
        due = now.seen.boot != self._written.seen.boot
        due = due or now.seen.since(self._written.seen) >= WRITTEN_EVERY_SECONDS
        if now.waits and due:
            self._write(now)
        self._write_if_changed(now)

    def let_go(self) -> None:
        """End all waiting at once, because somebody at this site said so."""
        self._write_if_changed(dataclasses.replace(self._now, lowered=(), released=()))

    @property
    def retention_seconds(self) -> int:
        """The retention in seconds that counts here."""
        wanted = (
            self._now.longest_seconds if self._rules.deletion_delay_seconds else self._now.retention_seconds
        )
        return max(wanted, self._rules.minimum_retention_seconds)

    @property
    def spared(self) -> frozenset[str]:
        """Ids of points that no retention may drop yet."""
        return self._now.spared if self._rules.deletion_delay_seconds else frozenset()

    @property
    def longest_left_seconds(self) -> float:
        """Seconds until nothing waits any more; 0 if nothing does."""
        passed = self._now.at(host.uptime()).shortest_passed_seconds
        return 0.0 if passed is None else max(0.0, self._rules.deletion_delay_seconds - passed)

    def _write_if_changed(self, now: DelayedDeletion) -> None:
        before, self._now = self._now, now
        if _names(before) != _names(now):
            self._write(now)

    def _write(self, now: DelayedDeletion) -> None:
        if self._rules.deletion_delay_seconds:
            write_durably(self._path, json.dumps(dataclasses.asdict(now), indent=1).encode())
            seams.reach("appliance.delayed.written")
        self._written = now

    def _load(self, retention_seconds: int) -> DelayedDeletion:
        now = host.uptime()
        try:
            return _from_json(json.loads(real_files.content(self._path)))
        except FileNotFoundError:
            return DelayedDeletion(retention_seconds, now)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.error("delayed.unreadable", file=str(self._path), problem=str(problem))
            return DelayedDeletion(retention_seconds, now, (LoweredRetention(FOR_EVER_SECONDS),))


def _names(delayed: DelayedDeletion) -> tuple[object, ...]:
    """Everything but the time that has passed, for comparing two states."""
    lowered = tuple(each.retention_seconds for each in delayed.lowered)
    return delayed.retention_seconds, lowered, delayed.spared


def _from_json(body: dict[str, Any]) -> DelayedDeletion:
    return DelayedDeletion(
        retention_seconds=body["retention_seconds"],
        seen=Uptime(**body["seen"]),
        lowered=tuple(LoweredRetention(**each) for each in body["lowered"]),
        released=tuple(ReleasedHold(**each) for each in body["released"]),
    )
