"""Formats foreign texts, times and amounts for the page. A value that is missing, or of another type, is
shown as a dash."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

MOST_SHOWN = 2000
NONE = "\N{EN DASH}"
Told = Mapping[str, JsonValue]

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
"""Control characters except tab and newline, characters that change the direction of text, and invisible
ones."""
_LONE = re.compile("[\ud800-\udfff]")
"""Lone surrogates: JSON can contain them, a file in UTF-8 cannot."""


def plain(value: object) -> object:
    """The value with each text cleaned of control characters, and shortened."""
    if value is None:
        return NONE
    return value if hasattr(value, "__html__") else _clean(shortened(str(value), MOST_SHOWN))


def shortened(text: str, most: int) -> str:
    return (
        text if len(text) <= most else f"{text[:most]} ... ({len(text) - most} characters more in the JSON)"
    )


def end_of(text: str, most: int) -> str:
    return (
        text
        if len(text) <= most
        else f"({len(text) - most} characters before this in the JSON)\n{text[-most:]}"
    )


def instant(value: JsonValue) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def when(value: JsonValue) -> str:
    found = instant(value)
    return NONE if found is None else f"{found.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds(value: JsonValue) -> str:
    """Seconds as text: 8.3 s, 4 min 10 s, 15 min, 2 h 5 min."""
    found = number(value)
    if found is None:
        return NONE
    if found < 60:
        return f"{found:.1f} s" if found % 1 else f"{found:.0f} s"
    minutes, rest = divmod(round(found), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def against(value: JsonValue, goal: JsonValue) -> str:
    """Whether a time is within its goal, in a word."""
    lasted, wanted = number(value), number(goal)
    if wanted is None:
        return "no goal set"
    if lasted is None:
        return "not measured"
    return "met" if lasted <= wanted else "missed"


def table(value: JsonValue) -> Told:
    return value if isinstance(value, dict) else {}


def tables(value: JsonValue) -> list[Told]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def spelled(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _clean(value: str) -> str:
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", _STEERING.sub("\N{REPLACEMENT CHARACTER}", value))
