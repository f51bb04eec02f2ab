"""Checks the values of a cycle's header, one by one, before anything of it is kept.

The source's site writes it, and need not be honest. Each function returns the value or raises ValueError. A
value that passes can be compared, stored, listed and started from later without another check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ...ground.json_values import LARGEST
from ...ground.units import KiB, TiB

YEARS: Final = range(1970, 3000)
_NEAR: Final = range(YEARS.start - 1, YEARS.stop + 1)
"""Local years in which an instant of a permitted UTC year can lie. Others are too near to the ends of the
calendar to be converted."""
MOST_NUMBER: Final = LARGEST
"""The highest epoch and cycle number: not higher than what messages to the vault can carry."""
LARGEST_DISK_BYTES: Final = 1024 * TiB
MOST_DISKS: Final = 256
MOST_POINT_BYTES: Final = 512 * KiB
"""The most bytes of a point's description, as JSON: it is stored beside each point, and read again and
again."""
CONSISTENCIES: Final = ("crash", "app")
_LONGEST_TEXT: Final = 20_000
_LONGEST_NAME: Final = 1000
_SHOWN: Final = 60
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def natural(value: object, most: int = MOST_NUMBER) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{shown(value)} is not a number from 0 to {most}")
    return value


def is_name(value: object) -> bool:
    """Whether the value is safe as a file's name."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def name(value: object) -> str:
    if not is_name(value):
        raise ValueError(f"{shown(value)} is not a name of letters, digits, '.', '_' and '-'")
    return str(value)


def instant(value: object) -> str:
    """An instant with a time zone, as normalized text in UTC."""
    if not isinstance(value, str) or len(value) > _SHOWN:
        raise ValueError(f"{shown(value)} is not an instant")
    at = datetime.fromisoformat(value)
    if at.tzinfo is None or at.year not in _NEAR or (utc := at.astimezone(UTC)).year not in YEARS:
        raise ValueError(
            f"{shown(value)} has no zone, or is not in the years {YEARS.start} to {YEARS.stop - 1} of UTC"
        )
    return utc.isoformat()


def text(value: object, longest: int = _LONGEST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{shown(value)} is not a text of at most {longest} characters")
    value.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
    return value


def mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} is not an object")
    return value


def sequence(value: object, most: int) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise ValueError(f"{shown(value)} is not a list of at most {most}")
    return value


def point(value: object) -> dict[str, Any]:
    """The recovery point that a cycle asks for. Unknown fields are kept, within the size limit."""
    body = mapping(value)
    name(body["point_id"])
    consistency = body.get("consistency", "crash")
    if consistency not in CONSISTENCIES:
        raise ValueError(f"{shown(consistency)} is not one of {', '.join(CONSISTENCIES)}")
    text(body.get("machine_name", ""), _LONGEST_NAME)
    if body.get("reason") is not None:
        text(body["reason"])
    if body.get("set_id") is not None:
        name(body["set_id"])
    mapping(body.get("definition", {}))
    _check_size(body)
    return body


def _check_size(body: Mapping[str, Any]) -> None:
    size = len(json.dumps(body))
    if size > MOST_POINT_BYTES:
        raise ValueError(f"the point says {size} bytes, more than the {MOST_POINT_BYTES} that are kept")


def passes(value: object) -> dict[str, Any]:
    """Positions in bytes of unfinished passes, by disk key."""
    return {name(key): natural(at, LARGEST_DISK_BYTES) for key, at in mapping(value).items()}


def shown(value: object) -> str:
    """A value as it is shown in an error, shortened: whoever wrote it chose its length."""
    if isinstance(value, dict | list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    said = ascii(value[:_SHOWN] if isinstance(value, str) else value)
    return said if len(said) <= 2 * _SHOWN else f"{said[:_SHOWN]}..."
