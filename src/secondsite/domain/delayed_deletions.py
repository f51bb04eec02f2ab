"""Deletions that wait for the target's deletion delay: of points beyond a retention that was lowered, or
whose hold was released.

Until then the longest retention that was in force within the delay counts, and every hold that was. So
whoever may lower a retention or release a hold, even with a stolen token, deletes nothing before the delay is
over; what raises either counts at once. Time is measured by the uptime of the target's host: setting a clock
does not shorten it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..ground.uptime import Uptime

MOST_LOWERED = 50
"""How many lowered retentions are remembered one by one; of older ones the longest counts until the last of
them is over."""


@dataclass(frozen=True, slots=True)
class LoweredRetention:
    """A retention that was in force until `passed_seconds` ago."""

    retention_seconds: int
    passed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ReleasedHold:
    """A hold that ended `passed_seconds` ago."""

    point_id: str
    passed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DelayedDeletion:
    """The deletions of one replica that wait. `retention_seconds` is the policy's; the seconds passed are
    counted up to `seen`."""

    retention_seconds: int
    seen: Uptime
    lowered: tuple[LoweredRetention, ...] = ()
    """Each retention is shorter than the one before, and was lowered later."""
    released: tuple[ReleasedHold, ...] = ()

    def at(self, now: Uptime) -> DelayedDeletion:
        """The same, with the time counted up to `now`."""
        passed = now.since(self.seen)
        return replace(
            self,
            seen=now,
            lowered=tuple(
                replace(each, passed_seconds=each.passed_seconds + passed) for each in self.lowered
            ),
            released=tuple(
                replace(each, passed_seconds=each.passed_seconds + passed) for each in self.released
            ),
        )

    def following(self, retention_seconds: int) -> DelayedDeletion:
        """The same, with another policy's retention from now on."""
        before = self.lowered
        if retention_seconds < self.retention_seconds:
            before = (*_longer(before, self.retention_seconds), LoweredRetention(self.retention_seconds))
        return replace(
            self, retention_seconds=retention_seconds, lowered=_bounded(_longer(before, retention_seconds))
        )

    def releasing(self, point_id: str) -> DelayedDeletion:
        """The same, with the hold of this point ending now."""
        return replace(self, released=(*self.holding(point_id).released, ReleasedHold(point_id)))

    def holding(self, point_id: str) -> DelayedDeletion:
        """The same, without the released hold of this point: it is held again, or gone."""
        return replace(self, released=tuple(each for each in self.released if each.point_id != point_id))

    def within(self, delay_seconds: float, point_ids: Collection[str]) -> DelayedDeletion:
        """Only what still waits for the delay, and only points that exist."""
        return replace(
            self,
            lowered=tuple(each for each in self.lowered if each.passed_seconds < delay_seconds),
            released=tuple(
                each
                for each in self.released
                if each.passed_seconds < delay_seconds and each.point_id in point_ids
            ),
        )

    @property
    def waits(self) -> bool:
        """Whether anything waits for the delay."""
        return bool(self.lowered or self.released)

    @property
    def shortest_passed_seconds(self) -> float | None:
        """The seconds that the most recent of them has waited; None if none waits."""
        passed = [each.passed_seconds for each in self.lowered]
        passed += [each.passed_seconds for each in self.released]
        return min(passed, default=None)

    @property
    def longest_seconds(self) -> int:
        """The retention that counts now, in seconds."""
        return max(self.retention_seconds, *(each.retention_seconds for each in self.lowered), 0)

    @property
    def spared(self) -> frozenset[str]:
        """Ids of points whose released hold still counts."""
        return frozenset(each.point_id for each in self.released)


def _longer(lowered: tuple[LoweredRetention, ...], retention_seconds: int) -> tuple[LoweredRetention, ...]:
    return tuple(each for each in lowered if each.retention_seconds > retention_seconds)


def _bounded(lowered: tuple[LoweredRetention, ...]) -> tuple[LoweredRetention, ...]:
    """Bounds the list: the oldest, which is the longest, takes the place of the next one."""
    while len(lowered) > MOST_LOWERED:
        first, second = lowered[:2]
        lowered = (LoweredRetention(first.retention_seconds, second.passed_seconds), *lowered[2:])
    return lowered
