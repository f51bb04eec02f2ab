"""Marks: what a target was told of a machine's finding, and what it is told when that changes.

A finding that appears is reported at once, and so is its end. One that appears again within the target's
least interval is held back, with all further changes; when the interval is over, one notice says how often it
came, and whether it is still there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ..health import Severity
from .happenings import Happening, Kind


class Key(NamedTuple):
    machine_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Mark:
    """`told_at`: when its appearance was last reported (UTC); `times`: how often it has appeared since
    without a report."""

    key: Key
    machine: str
    present: bool
    changed_at: datetime
    told_at: datetime
    times: int = 0


@dataclass(frozen=True, slots=True)
class MarkChange:
    """A change to write: `mark` None deletes it. `told`: what is sent to the target."""

    key: Key
    mark: Mark | None
    told: Happening | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """The intervals of one target, at one instant."""

    now: datetime
    repeat: timedelta
    tells_ends: bool

    def is_due(self, mark: Mark) -> bool:
        """Whether the interval is over; also if the clock was set back."""
        return abs(self.now - mark.told_at) >= self.repeat


def turns(pace: Pace, marks: Mapping[Key, Mark], present: Mapping[Key, Happening]) -> Iterator[MarkChange]:
    """The changes of marks and what is to be sent. `marks` are those of all machines that were looked at."""
    for key, found in present.items():
        turn = _there(pace, key, marks.get(key), found)
        if turn is not None:
            yield turn
    for key, mark in marks.items():
        if key not in present:
            turn = _not_there(pace, mark)
            if turn is not None:
                yield turn


def _there(pace: Pace, key: Key, mark: Mark | None, found: Happening) -> MarkChange | None:
    if mark is None:
        return MarkChange(key, Mark(key, found.about, True, pace.now, pace.now), found)
    if mark.present:
        return _digest(pace, mark, found) if mark.times and pace.is_due(mark) else None
    came = replace(mark, present=True, changed_at=pace.now, times=mark.times + 1)
    if not pace.is_due(mark):
        return MarkChange(key, came)
    return _digest(pace, came, found) if mark.times else MarkChange(key, _told(pace, came), found)


def _not_there(pace: Pace, mark: Mark) -> MarkChange | None:
    went = replace(mark, present=False, changed_at=pace.now)
    if mark.times:
        if pace.is_due(mark):
            return _digest(pace, went, None)
        return MarkChange(mark.key, went) if mark.present else None
    if mark.present:
        return MarkChange(mark.key, went, _gone(pace, mark) if pace.tells_ends else None)
    return MarkChange(mark.key, None) if pace.is_due(mark) else None


def _told(pace: Pace, mark: Mark) -> Mark:
    return replace(mark, told_at=pace.now, times=0)


def _gone(pace: Pace, mark: Mark) -> Happening:
    return _plain(Kind.GONE, mark, "It is over.", pace.now)


def _digest(pace: Pace, mark: Mark, found: Happening | None) -> MarkChange:
    times = "once more" if mark.times == 1 else f"{mark.times} times more"
    since = f"{mark.told_at:%Y-%m-%d %H:%M} UTC"
    if found is None:
        told = _plain(Kind.AGAIN, mark, f"It came {times} since {since}, and is over now.", mark.changed_at)
    else:
        told = replace(
            found, kind=Kind.AGAIN, what=f"{found.what} It came {times} since {since}, and is there now."
        )
    return MarkChange(mark.key, _told(pace, mark), told)


def _plain(kind: Kind, mark: Mark, what: str, at: datetime) -> Happening:
    """The end of a finding is never critical: it wakes nobody."""
    return Happening(
        kind, mark.key.code, Severity.WARNING, mark.machine, what, at, about_id=mark.key.machine_id
    )
