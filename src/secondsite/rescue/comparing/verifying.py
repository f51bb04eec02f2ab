"""Compares a point with what was sealed, as a whole or as far as time allows.

A manifest has one digest for each whole disk, so reading a part of a disk proves nothing: the smallest are
read first, and none is begun that would take longer than the time left."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import checking, choosing, files, keys
from ..problems import Problem
from ..store import Point, Replica
from . import digests
from .content import Content, Unreadable

FASTEST_BYTES_A_SECOND = 2_000_000_000
"""Faster than any disk was seen to be read and compared."""
NO_LIBRARY = f"{digests.LIBRARY} is not here (on Debian: 'apt install libxxhash0')"
Told = Callable[[str, int, int], None]
"""Called with a disk's key, the bytes of it that are done, and its size."""


@dataclass(frozen=True)
class Comparison:
    """The result for a point. `problem`: why nothing should start from it, empty if nothing is wrong; `left`:
    what was not compared, each with the reason; `read_bytes`: of data, zeros left out."""

    problem: str = ""
    left: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    read_bytes: int = 0


class _OutOfTime(Exception):
    pass


def silent(_disk: str, _done: int, _size: int) -> None:
    """For callers that want no progress."""


def compared(
    replica: Replica, point: Point, key: Path | None, within_seconds: float | None = None, told: Told = silent
) -> Comparison:
    """Check the files of a point, then read them for at most `within_seconds` (None: no limit). If an old
    disk of the machine is not as it was left, everything is read, whatever the limit: it may be a copy with
    the right content."""
    problem = point.problem or checking.problem_of(replica, point, key)
    if problem:
        return Comparison(problem)
    changed = checking.changed_base(replica, point)
    found = _read(replica, point, key, None if changed else within_seconds, told)
    if changed and found.problem:
        return Comparison(
            f"it stands on {changed}, which somebody has changed since it was sealed: {found.problem}"
        )
    if changed and found.left:
        what = f"it stands on {changed}, which does not look as it did when it was sealed"
        return Comparison(f"{what}, and it was not compared: {', '.join(found.left)}")
    return found


def _read(
    replica: Replica, point: Point, key: Path | None, within_seconds: float | None, told: Told
) -> Comparison:
    ends_at = None if within_seconds is None else time.monotonic() + within_seconds
    rotten, left = _firmware(replica, point)
    read, done = 0, []
    for disk in sorted(point.manifest["disks"], key=lambda each: _stored_bytes(replica, point, each["key"])):
        if rotten:
            break
        try:
            same, count = _disk(replica, point, disk, key, ends_at, told)
        except Unreadable as damage:
            rotten = f"of its disk {disk['key']} {damage}"
            continue
        except _OutOfTime:
            left.append(f"{disk['key']} (there was not enough time)")
            continue
        except (Problem, OSError) as problem:
            left.append(f"{disk['key']} ({problem})")
            continue
        if same is None:
            left.append(f"{disk['key']} ({NO_LIBRARY})")
            continue
        read += count
        done.append(str(disk["key"]))
        if not same:
            rotten = f"what its disk {disk['key']} holds is not what was sealed"
    return Comparison(rotten, tuple(left), tuple(done), read)


def each(
    replica: Replica, wanted: str, key_file: Path | None, told: Told, *, every: bool = False
) -> Iterator[tuple[Point, Comparison]]:
    """The points that fit, newest first, up to the first that is whole; `every`: all of them. Raises Problem
    for a point that is not there."""
    if not replica.points:
        return
    try:
        key, locked = keys.key_for(replica, key_file), ""
    except Problem as problem:
        key, locked = None, str(problem)
    for point in choosing.fitting(replica, choosing.LATEST if every else wanted):
        found = compared(replica, point, key, None if not locked else 0, told)
        if locked and not found.problem:
            found = Comparison(left=tuple(f"{disk} ({locked})" for disk in sorted(point.disks)))
        yield point, found
        if not found.problem and not every:
            return


def _disk(
    replica: Replica, point: Point, disk: dict[str, Any], key: Path | None, ends_at: float | None, told: Told
) -> tuple[bool | None, int]:
    """Whether the disk is what was sealed, None without the library; and how many bytes were read. Raises
    Problem, OSError, _OutOfTime."""
    if digests.library() is None:
        return None, 0
    seconds = _stored_bytes(replica, point, disk["key"]) / FASTEST_BYTES_A_SECOND
    if ends_at is not None and time.monotonic() + seconds > ends_at:
        raise _OutOfTime
    chain = checking.chain_of(replica.layer(disk["key"], point.layer))
    done = read = 0
    with Content(chain, key) as content, digests.opened() as running:
        if content.size_bytes != disk["size_bytes"]:
            return False, 0
        for length, data in content.pieces():
            if data is None:
                running.zeros(length)
            else:
                running.data(data)
                read += length
            done += length
            told(str(disk["key"]), done, content.size_bytes)
            if ends_at is not None and time.monotonic() > ends_at:
                raise _OutOfTime
        return running.hexdigest() == disk["digest"], read


def _firmware(replica: Replica, point: Point) -> tuple[str, list[str]]:
    """What is wrong with the point's firmware state, and what of it cannot be compared."""
    left = []
    for name, file in sorted(point.firmware.items()):
        if file.get("sha256") is None:
            left.append(f"{name} (it is encrypted, and opened by secondsite alone)")
            continue
        try:
            found = hashlib.sha256(files.content(replica.folder / str(file["file"]))).hexdigest()
        except OSError as error:
            return f"its firmware's state '{name}' cannot be read: {error.strerror}", left
        if found != file["sha256"]:
            return f"its firmware's state '{name}' is not what was sealed", left
    return "", left


def _stored_bytes(replica: Replica, point: Point, disk: str) -> int:
    """An upper bound of the bytes to read, from the sizes of the files."""
    try:
        return sum(
            path.stat().st_blocks * 512 for path in replica.layer(disk, point.layer).parent.glob("*.qcow2")
        )
    except OSError:
        return 0
