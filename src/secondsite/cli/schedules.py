"""Parses and shows a site's schedule of rates."""

import re

from ..domain import amounts, errors
from ..domain.bandwidth_schedule import DAYS
from ..wire.common.bandwidth import BandwidthShape, WindowShape

QUARTER = 15
"""Minutes. All time zones are whole quarters of an hour apart; whoever types +1 means an hour."""
OFFSET = re.compile(r"(?:UTC)?([+-]?)(?:([0-9]{1,2}):([0-9]{2})|([0-9]{1,3}))", re.IGNORECASE)


def window(text: str) -> WindowShape:
    """The window of 'mon-fri 08:00-18:00 20MB'. Raises InvalidArgument."""
    parts = text.split(maxsplit=2)
    begins, dash, ends = parts[1].partition("-") if len(parts) == 3 else ("", "", "")
    if not dash:
        raise errors.InvalidArgument(
            f"'{text}' is not a window.", do="Give days, times and a rate: 'mon-fri 08:00-18:00 20MB'."
        )
    return WindowShape(
        days=_days(parts[0]), begins=begins, ends=ends, bytes_per_second=amounts.parse_rate(parts[2])
    )


def utc_offset(text: str) -> int:
    """Minutes of '+60', '-300', '+01:00', 'UTC+01:00', '0'. Raises InvalidArgument."""
    plain = text.strip()
    found = OFFSET.fullmatch(plain)
    if plain.upper() == "UTC":
        return 0
    if found is None:
        raise errors.InvalidArgument(
            f"'{text}' is not an offset.",
            do="Give minutes from UTC, or hours and minutes: +60 and +01:00 are UTC+1.",
        )
    minutes = int(found[4]) if found[4] else 60 * int(found[2]) + int(found[3])
    if minutes % QUARTER:
        raise errors.InvalidArgument(
            f"No clock is {minutes} minutes from UTC.",
            do="Give hours and minutes: +01:00 is UTC+1, -03:30 is UTC-3:30.",
        )
    return -minutes if found[1] == "-" else minutes


def _days(text: str) -> tuple[str, ...]:
    if text.lower() == "daily":
        return DAYS
    return tuple(day for part in text.lower().split(",") for day in _range(part))


def _range(text: str) -> tuple[str, ...]:
    """The days of a range such as 'mon-fri'; 'fri-mon' goes across the end of the week."""
    first, _, last = text.partition("-")
    last = last or first
    for day in (first, last):
        if day not in DAYS:
            raise errors.InvalidArgument(
                f"'{day}' is not a day of the week.", do=f"Use {', '.join(DAYS)}, or daily."
            )
    count = (DAYS.index(last) - DAYS.index(first)) % len(DAYS) + 1
    return tuple(DAYS[(DAYS.index(first) + step) % len(DAYS)] for step in range(count))


def shown_window(shape: WindowShape) -> str:
    """The window as text that can be typed again."""
    return f"{','.join(shape.days)} {shape.begins}-{shape.ends} {amounts.exact_rate(shape.bytes_per_second)}"


def shown_offset(shape: BandwidthShape) -> str:
    """The offset as text: 'UTC', 'UTC+01:00'."""
    hours, minutes = divmod(abs(shape.utc_offset_minutes), 60)
    sign = "-" if shape.utc_offset_minutes < 0 else "+"
    return f"UTC{sign}{hours:02}:{minutes:02}" if shape.utc_offset_minutes else "UTC"
