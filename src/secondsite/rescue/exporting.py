"""Writes a point as image files that other programs read, and compares them with what was sealed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from . import checking, choosing, files, keys
from .comparing import content, digests, verifying
from .problems import Problem
from .store import Point, Replica
from .store_notes import note

FORMATS = ("qcow2", "raw", "vmdk")
STUCK_SECONDS = 3600.0
"""So long qemu-img may say nothing: it tells each hundredth, which is much of a large disk."""
STRANGE = re.compile(r"[^A-Za-z0-9_.-]|^\.")
DONE = re.compile(rb"\(([0-9.]+)/100%\)")


def exported(
    replica: Replica, wanted: str, folder: Path, kind: str, key_file: Path | None, told: verifying.Told
) -> list[Path]:
    """Write each disk of the newest whole point that was asked for to a file of its own, and what the machine
    is beside them; returns the files. They are not encrypted. Nothing that is there is overwritten, and
    nothing that is not whole gets its name. Raises Problem, OSError."""
    key = keys.key_for(replica, key_file)
    point = _whole(replica, wanted, key)
    name = STRANGE.sub("_", f"{replica.name}-{point.id}")
    goals = {disk: folder / f"{name}-{STRANGE.sub('_', disk)}.{kind}" for disk in sorted(point.disks)}
    about = folder / f"{name}.json"
    _require_new([*goals.values(), about])
    folder.mkdir(parents=True, exist_ok=True)
    for disk, goal in goals.items():
        with _part(goal) as part:
            _convert(replica, point, disk, key, part, kind, told)
            _require_sealed(replica, point, disk, part, kind, told)
    with _part(about) as part:
        part.write_text(json.dumps(_told(replica, point, goals), indent=1, sort_keys=True) + "\n")
    note(replica, "exported", point=point.id, to=str(folder.absolute()))
    return [*goals.values(), about]


def _whole(replica: Replica, wanted: str, key: Path | None) -> Point:
    """The newest of those that fit whose files are whole."""
    found = choosing.fitting(replica, wanted)
    problems = {each.id: each.problem or checking.problem_of(replica, each, key) for each in found}
    whole = [each for each in found if not problems[each.id]]
    if not whole:
        raise Problem(
            f"{found[0].id} of {replica.name} cannot be used: {problems[found[0].id]}.",
            f"See what there is: 'points {replica.typed}'; choose another point.",
        )
    return whole[0]


def _require_new(goals: list[Path]) -> None:
    there = [goal for goal in goals if os.path.lexists(goal)]
    if there:
        raise Problem(
            f"{there[0]} is there already, and is not overwritten.", "Remove it, or name another folder."
        )


@contextlib.contextmanager
def _part(goal: Path) -> Iterator[Path]:
    """A file that only its owner may read, which gets its name once it is whole, and is removed otherwise."""
    part = goal.with_name(f".{goal.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    try:
        yield part
        files.sync(part)
        _require_new([goal])
        part.replace(goal)
        files.sync_folder(goal.parent)
    finally:
        part.unlink(missing_ok=True)


def _convert(
    replica: Replica, point: Point, disk: str, key: Path | None, goal: Path, kind: str, told: verifying.Told
) -> None:
    """Raises Problem."""
    chain = checking.chain_of(replica.layer(disk, point.layer))
    secret = ["--object", f"secret,id=key,file={key}"] if key else []
    words = ["convert", "-p", "-U", *secret, "-O", kind, content.named(chain, key), str(goal)]
    with content.running(["qemu-img", *words], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        for done in _progress(program.stdout):
            told(disk, int(done * point.disks[disk]), point.disks[disk])
        if program.wait(content.ANSWER_SECONDS):
            raise Problem(
                f"{disk} could not be written to {goal.parent}: {content.said(program)}.",
                "Make room there, or name another folder: nothing of it is left.",
            )


def _progress(said: IO[bytes]) -> Iterator[float]:
    """How much is done, 0 to 1, until nothing more is said. Raises Problem if that takes too long."""
    while True:
        if not select.select([said], [], [], STUCK_SECONDS)[0]:
            raise Problem(
                f"qemu-img said nothing for {STUCK_SECONDS:.0f} s.", "Look at the disks of both folders."
            )
        read = os.read(said.fileno(), 4096)
        if not read:
            return
        for found in DONE.findall(read):
            yield float(found) / 100


def _require_sealed(
    replica: Replica, point: Point, disk: str, written: Path, kind: str, told: verifying.Told
) -> None:
    """Read back what was written: an appliance that runs may have merged files meanwhile. Raises Problem,
    OSError."""
    if digests.library() is None:
        return
    manifest = next(each for each in point.manifest["disks"] if each["key"] == disk)
    # named, and not asked of the file: a guest decides what a raw disk begins with
    header = {"filename": str(written), "format": kind, "virtual-size": point.disks[disk]}
    with content.Content([header], None) as found, digests.opened() as running:
        done = 0
        for length, data in found.pieces():
            running.zeros(length) if data is None else running.data(data)
            done += length
            told(disk, done, found.size_bytes)
        if running.hexdigest() != manifest["digest"]:
            raise Problem(
                f"What was written of {disk} is not what was sealed with {point.id}.",
                f"Try again, since files may have been merged meanwhile; 'verify {replica.typed}' compares "
                "the point itself.",
            )


def _told(replica: Replica, point: Point, goals: dict[str, Path]) -> dict[str, Any]:
    """What is kept beside the images."""
    return {
        "machine": replica.name,
        "point": point.id,
        "taken_at": point.taken_at,
        "consistency": point.consistency,
        "definition": point.definition,
        "disks": {disk: {"file": goal.name, "size_bytes": point.disks[disk]} for disk, goal in goals.items()},
    }
