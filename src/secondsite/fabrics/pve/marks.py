"""Our mark on a machine: tags that name its number.

A tag is in the list of all machines. A clone and a restored copy bring it along, but under another number,
and there it does not count. So it needs no call of its own, and is never a second machine's."""

from __future__ import annotations

import re

from ...domain import errors

MARK = re.compile(r"secondsite-([0-9]{3,9})-([0-9a-z][0-9a-z._-]{0,127})")
"""Proxmox VE makes capitals small unless a cluster says otherwise; ids of machines have none."""
FORBIDDEN = "secondsite-no-start-{vmid}"
OURS = "secondsite-"


def tag_of(vmid: int, tags: str) -> str | None:
    """Our machine id on the machine of this number; None if it has none that counts."""
    found = (MARK.fullmatch(each) for each in split(tags))
    return next((each[2] for each in found if each is not None and int(each[1]) == vmid), None)


def is_start_forbidden(vmid: int, tags: str) -> bool:
    return FORBIDDEN.format(vmid=vmid) in split(tags)


def marked(vmid: int, tags: str, tag: str | None, *, forbidden: bool = False) -> str:
    """Its tags with our mark, or without one if `tag` is None. Those of its owner stay as they are; those
    that a clone brought along go. Raises InvalidArgument for an id that no tag can hold."""
    mine = [] if tag is None else [f"secondsite-{vmid}-{tag}"]
    if any(MARK.fullmatch(each) is None for each in mine):
        raise errors.InvalidArgument(f"'{tag}' cannot be the tag of a machine of Proxmox VE.")
    if forbidden and mine:
        mine.append(FORBIDDEN.format(vmid=vmid))
    return ";".join([*(each for each in split(tags) if not each.startswith(OURS)), *mine])


def split(tags: str) -> tuple[str, ...]:
    return tuple(each for each in re.split(r"[;,\s]+", tags) if each)
