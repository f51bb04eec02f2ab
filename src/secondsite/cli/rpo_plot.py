"""Draws a machine's RPO over time as bars, with its most important figures. Pure."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from ..domain.amounts import span
from ..wire.rest import RpoSample
from .output import clock

BARS = " ▁▂▃▄▅▆▇█"
ROWS = 6
GAP = "·"
"""Drawn where nothing was measured, or there was no point yet."""


def lines(samples: Sequence[RpoSample], threshold_seconds: float | None, width: int) -> Iterator[str]:
    """The plot: the highest value of each column, the policy's threshold as a line, then figures."""
    known = [each.seconds for each in samples if each.seconds is not None]
    columns = list(_columns(samples, width))
    top = _top(known, threshold_seconds)
    label = max(len(span(top)), len(span(threshold_seconds)) if threshold_seconds else 0)
    for row in reversed(range(ROWS)):
        marked = threshold_seconds is not None and row == _row_of(threshold_seconds, top)
        name = (
            span(threshold_seconds) if marked else span(top) if row == ROWS - 1 else "0 s" if row == 0 else ""
        )
        ground = "╌" if marked else " "
        yield f"{name:>{label}} {'┤' if name else '│'}" + "".join(
            _cell(each, row, top, ground) for each in columns
        )
    began, ended = clock(samples[0].at), clock(samples[-1].at)
    yield " " * (label + 2) + (f"{began}{ended:>{max(len(columns) - len(began), len(ended) + 2)}}")
    yield from _figures(samples, known, threshold_seconds)


def percentile(values: Sequence[float], fraction: float) -> float:
    """The smallest value that `fraction` of all do not exceed; values must not be empty."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def _figures(
    samples: Sequence[RpoSample], known: Sequence[float], threshold_seconds: float | None
) -> Iterator[str]:
    yield f"RPO        {_statistics(known)}"
    yield f"sent       {_statistics([each.sent_seconds for each in samples if each.sent_seconds is not None])}"  # noqa: E501
    processed = [each.processed_seconds for each in samples if each.processed_seconds is not None]
    yield f"processed  {_statistics(processed)}"
    if threshold_seconds is not None:
        yield f"threshold  {span(threshold_seconds)}{_kept(known, threshold_seconds)}"


def _kept(known: Sequence[float], threshold_seconds: float) -> str:
    if not known:
        return ""
    above = sum(value > threshold_seconds for value in known) / len(known)
    return f", exceeded {above:.1%} of the time" if above else ", always kept"


def _statistics(values: Sequence[float]) -> str:
    if not values:
        return "nothing yet"
    parts = {"min": 0.0, "median": 0.5, "p99": 0.99, "max": 1.0}
    return ", ".join(f"{name} {span(percentile(values, at))}" for name, at in parts.items())


def _columns(samples: Sequence[RpoSample], width: int) -> Iterator[float | None]:
    """The highest RPO in each of at most `width` equal parts of the time."""
    begin, end = samples[0].at, samples[-1].at
    count = max(1, min(width, round((end - begin).total_seconds() / 10) + 1))
    highest: list[float | None] = [None] * count
    for each in samples:
        at = _column(each.at, begin, end, count)
        if each.seconds is not None:
            highest[at] = max(each.seconds, highest[at] or 0.0)
    return iter(highest)


def _column(at: datetime, begin: datetime, end: datetime, count: int) -> int:
    whole = (end - begin).total_seconds()
    return min(count - 1, int((at - begin).total_seconds() / whole * count)) if whole else 0


def _top(known: Sequence[float], threshold_seconds: float | None) -> float:
    """The scale's end: the highest value; the threshold too, unless that would flatten all bars."""
    highest = max(known, default=0.0)
    near = threshold_seconds is not None and threshold_seconds <= 4 * max(highest, 1.0)
    return max(highest, threshold_seconds if near and threshold_seconds else 0.0, 1.0)


def _row_of(value: float, top: float) -> int:
    return math.ceil(value / top * ROWS) - 1


def _cell(value: float | None, row: int, top: float, ground: str) -> str:
    if value is None:
        return GAP if row == 0 else ground
    eighths = round(value / top * ROWS * 8) - row * 8
    filled = max(0, min(8, eighths if row else max(1, eighths)))
    return BARS[filled] if filled else ground
