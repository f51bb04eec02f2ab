"""Our mark on a machine: tags that name its number.

A tag is in the list of all machines. A clone and a restored copy bring it along, but under another number,
and there it does not count. So it needs no call of its own, and is never a second machine's."""

from __future__ import annotations

import re

from ...domain import errors

MARK = re.compile(r"secondsite-([0-9]{3,9})-([0-9a-z][0-9a-z._-]{0,127})")
"""Proxmox VE makes capitals small unless a cluster says otherwise; ids of machines have none."""
NO_START = re.compile(r"secondsite-no-start-([0-9]{3,9})(-onboot)?")
"""Nobody may start it; `onboot`: it started with its host before."""


def tag_of(vmid: int, tags: str) -> str | None:
    """Our machine id on the machine of this number; None if it has none that counts."""
    found = (MARK.fullmatch(each) for each in split(tags))
    return next((each[2] for each in found if each is not None and int(each[1]) == vmid), None)


def is_start_forbidden(vmid: int, tags: str) -> bool:
    return _no_start(vmid, tags) is not None


def started_with_host(vmid: int, tags: str) -> bool:
    """Whether a machine whose start is forbidden started with its host before."""
    found = _no_start(vmid, tags)
    return found is not None and bool(found[2])


def marked(vmid: int, tags: str, tag: str | None, *, forbidden: bool = False, with_host: bool = False) -> str:
    """Its tags with our marks, or without any if `tag` is None. `with_host`: it starts with its host, if
    its start is not forbidden. Those of its owner stay as they are; those that a clone brought along go.
    Raises InvalidArgument for an id that no tag can hold."""
    mine = [] if tag is None else [f"secondsite-{vmid}-{tag}"]
    if any(MARK.fullmatch(each) is None for each in mine):
        raise errors.InvalidArgument(f"'{tag}' cannot be the tag of a machine of Proxmox VE.")
    if forbidden and mine:
        mine.append(f"secondsite-no-start-{vmid}{'-onboot' if with_host else ''}")
    return ";".join([*(each for each in split(tags) if not _is_ours(each)), *mine])


def split(tags: str) -> tuple[str, ...]:
    return tuple(each for each in re.split(r"[;,\s]+", tags) if each)


def _no_start(vmid: int, tags: str) -> re.Match[str] | None:
    found = (NO_START.fullmatch(each) for each in split(tags))
    return next((each for each in found if each is not None and int(each[1]) == vmid), None)


def _is_ours(tag: str) -> bool:
    return bool(MARK.fullmatch(tag) or NO_START.fullmatch(tag))
