"""Deletions that wait for the target's deletion delay: of points beyond a retention that was lowered, or
whose hold was released.

What counts until then is the longest retention that was in force within the delay, and every hold that was.
So whoever may lower a retention or release a hold, with a stolen token too, deletes nothing before the delay
is over; what raises either counts at once. Time is measured by the uptime of the target's host: no clock that
is set shortens it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..ground.uptime import Uptime

MOST_LOWERED = 50
"""So many retentions are remembered one by one; of older ones the longest counts until the last of them is
over."""


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
    """`retention_seconds` is what the policy says; what passed is counted up to `seen`."""

    retention_seconds: int
    seen: Uptime
    lowered: tuple[LoweredRetention, ...] = ()
    """Each one shorter and later than the one before."""
    released: tuple[ReleasedHold, ...] = ()

    def at(self, now: Uptime) -> DelayedDeletion:
        """The same, counted up to `now`."""
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
        """With another policy from now on."""
        before = self.lowered
        if retention_seconds < self.retention_seconds:
            before = (*_longer(before, self.retention_seconds), LoweredRetention(self.retention_seconds))
        return replace(
            self, retention_seconds=retention_seconds, lowered=_bounded(_longer(before, retention_seconds))
        )

    def releasing(self, point_id: str) -> DelayedDeletion:
        """With the hold of this point ending now."""
        return replace(self, released=(*self.holding(point_id).released, ReleasedHold(point_id)))

    def holding(self, point_id: str) -> DelayedDeletion:
        """With this point held again, or gone."""
        return replace(self, released=tuple(each for each in self.released if each.point_id != point_id))

    def within(self, delay_seconds: float, point_ids: Collection[str]) -> DelayedDeletion:
        """Without what is over, or of points that are gone."""
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
        """How long the last of them waits by now; None if nothing does."""
        passed = [each.passed_seconds for each in self.lowered]
        passed += [each.passed_seconds for each in self.released]
        return min(passed, default=None)

    @property
    def longest_seconds(self) -> int:
        """The retention that counts."""
        return max(self.retention_seconds, *(each.retention_seconds for each in self.lowered), 0)

    @property
    def spared(self) -> frozenset[str]:
        """Ids of points whose hold still counts."""
        return frozenset(each.point_id for each in self.released)


def _longer(lowered: tuple[LoweredRetention, ...], retention_seconds: int) -> tuple[LoweredRetention, ...]:
    return tuple(each for each in lowered if each.retention_seconds > retention_seconds)


def _bounded(lowered: tuple[LoweredRetention, ...]) -> tuple[LoweredRetention, ...]:
    """Of too many the oldest, which is the longest, takes the next one's place."""
    while len(lowered) > MOST_LOWERED:
        first, second = lowered[:2]
        lowered = (LoweredRetention(first.retention_seconds, second.passed_seconds), *lowered[2:])
    return lowered
