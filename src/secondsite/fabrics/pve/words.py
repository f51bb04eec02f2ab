"""Values of a definition that consist of parts, such as 'local-lvm:vm-100-disk-0,size=4G'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...domain.counters import MOST

SIZE = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?([KMGT]?)")
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class Parts:
    """`first`: the part without a name, empty if there is none; `named`: the others."""

    first: str
    named: Mapping[str, str]

    def is_on(self, name: str) -> bool:
        return self.named.get(name) in ("1", "on", "yes", "true")


def parts(value: str) -> Parts:
    """The parts of a value; of a name that stands twice the last one."""
    first, named = "", {}
    for each in value.split(",")[:MOST_PARTS]:
        name, equals, rest = each.partition("=")
        if equals:
            named[name.strip()] = rest.strip()
        else:
            first = first or each.strip()
    return Parts(first, named)


def size_bytes(text: str) -> int | None:
    """A size such as 32G or 528K, in bytes; None for anything else, and for more than any disk has."""
    found = SIZE.fullmatch(text)
    if found is None:
        return None
    whole, fraction, unit = found.groups()
    size = int(float(f"{whole}.{fraction}") * UNITS[unit]) if fraction else int(whole) * UNITS[unit]
    return size if size <= MOST else None


def whole(text: str, otherwise: int) -> int:
    """A number of at most nine digits, or another one for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else otherwise
