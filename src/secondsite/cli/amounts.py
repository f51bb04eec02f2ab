"""Rates, windows and spans as people type them."""

import re
from datetime import timedelta

from ..domain import errors
from ..domain.bandwidth import DAYS
from ..wire.bandwidth import BandwidthShape, WindowShape
from .output import size

UNLIMITED = "unlimited"
UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "kbit": 10**3 / 8,
    "mbit": 10**6 / 8,
    "gbit": 10**9 / 8,
}
RATE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([a-z]*?)(?:/s|ps)?")
OFFSET = re.compile(r"([+-]?)([0-9]{1,3})")
SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|min|h|d)?")
SECONDS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def rate(text: str) -> int | None:
    """Bytes per second of '100MB', '1.5 GiB/s', '200Mbit', '65536'; None for 'unlimited'. Raises InvalidArgument."""
    plain = text.strip().lower()
    if plain == UNLIMITED:
        return None
    found = RATE.fullmatch(plain)
    if found is None or found[2] not in UNITS:
        raise errors.InvalidArgument(
            f"'{text}' is no rate.", do="Give one like 100MB, 1.5GiB, 200Mbit, or unlimited."
        )
    return round(float(found[1]) * UNITS[found[2]])


def window(text: str) -> WindowShape:
    """'mon-fri 08:00-18:00 20MB'. Raises InvalidArgument."""
    parts = text.split(maxsplit=2)
    begins, dash, ends = parts[1].partition("-") if len(parts) == 3 else ("", "", "")
    if not dash:
        raise errors.InvalidArgument(
            f"'{text}' is no window.", do="Give days, times and a rate: 'mon-fri 08:00-18:00 20MB'."
        )
    return WindowShape(days=_days(parts[0]), begins=begins, ends=ends, bytes_per_second=rate(parts[2]))


def utc_offset(text: str) -> int:
    """Minutes of '+60', '-300', '0'. Raises InvalidArgument."""
    found = OFFSET.fullmatch(text.strip())
    if found is None:
        raise errors.InvalidArgument(f"'{text}' is no offset.", do="Give minutes from UTC: +60 is UTC+1.")
    return int(found[1] + found[2])


def span(text: str) -> timedelta:
    """'90', '15min', '2h', '7d'. Raises InvalidArgument."""
    found = SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise errors.InvalidArgument(
            f"'{text}' is no span of time.", do="Give one like 90s, 15min, 2h or 7d."
        )
    return timedelta(seconds=float(found[1]) * SECONDS[found[2]])


def _days(text: str) -> tuple[str, ...]:
    if text.lower() == "daily":
        return DAYS
    return tuple(day for part in text.lower().split(",") for day in _range(part))


def _range(text: str) -> tuple[str, ...]:
    """'fri-mon' goes over the week's end."""
    first, _, last = text.partition("-")
    last = last or first
    for day in (first, last):
        if day not in DAYS:
            raise errors.InvalidArgument(
                f"'{day}' is no day of the week.", do=f"Use {', '.join(DAYS)}, or daily."
            )
    count = (DAYS.index(last) - DAYS.index(first)) % len(DAYS) + 1
    return tuple(DAYS[(DAYS.index(first) + step) % len(DAYS)] for step in range(count))


def shown_rate(bytes_per_second: int | None) -> str:
    return UNLIMITED if bytes_per_second is None else f"{size(bytes_per_second)}/s"


def shown_window(shape: WindowShape) -> str:
    return f"{','.join(shape.days)} {shape.begins}-{shape.ends} {shown_rate(shape.bytes_per_second)}"


def shown_offset(shape: BandwidthShape) -> str:
    """'UTC', 'UTC+01:00'."""
    hours, minutes = divmod(abs(shape.utc_offset_minutes), 60)
    sign = "-" if shape.utc_offset_minutes < 0 else "+"
    return f"UTC{sign}{hours:02}:{minutes:02}" if shape.utc_offset_minutes else "UTC"
