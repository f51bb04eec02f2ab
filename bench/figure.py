"""What a benchmark gives: one value with its goal, its peer, and the pairs that it was made from."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Figure:
    """`peer` says what it was measured against and what that gave; `how` what is inside the measured span.

    `spread` holds minimum, median and maximum of what `value` was made from; `measured` every single reading.
    """

    name: str
    value: float
    unit: str
    goal: float
    better: Better
    peer: str
    how: str
    spread: dict[str, float] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal

    def as_json(self) -> dict[str, Any]:
        """The record that `--json` writes."""
        return {**asdict(self), "reached": self.reached}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of us and of the peer, measured in turn: ours, theirs, ours, theirs."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Theirs by ours for each pair: how many times as fast we were."""
        return [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    def measured(self) -> dict[str, Any]:
        return {"ours_seconds": _rounded(self.ours), "theirs_seconds": _rounded(self.theirs)}


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], count: int) -> Pairs:
    """`count` pairs; each callable gives the seconds of one run. Who goes first alternates: whoever comes
    second may find the other's dirty pages still on their way to the disk."""
    found: list[tuple[float, float]] = []
    for number in range(count):
        if number % 2:
            seconds = theirs()
            found.append((ours(), seconds))
        else:
            found.append((ours(), theirs()))
    return Pairs(tuple(pair[0] for pair in found), tuple(pair[1] for pair in found))


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {
        "min": round(min(values), 4),
        "median": round(statistics.median(values), 4),
        "max": round(max(values), 4),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]
