"""Which of two releases is the older one."""

import re

NUMBERED = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


def is_older(one: str, other: str) -> bool:
    """Whether the first is surely of an earlier release; not where one of them names none."""
    first, second = NUMBERED.fullmatch(one), NUMBERED.fullmatch(other)
    if first is None or second is None:
        return False
    return tuple(map(int, first.groups())) < tuple(map(int, second.groups()))
