"""Disks that stand in for those that were left out of the points: a guest that waits for one does not come up
without it. What stands in its appliance has written down, with the command that makes its file system."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files, leasing
from .problems import Problem
from .store import NAME, STAND_IN, Point, Replica

TOOLS = frozenset({"mke2fs", "mkfs.xfs", "mkswap"})
"""The only programs that are run because a file says so."""
MAKE_SECONDS = 60
LOOK_SECONDS = 0.05
PREZEROED = ",assume_storage_prezeroed=1"
QUIET: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
MOST_BYTES = 2**60


@dataclass(frozen=True)
class Standing:
    """The files that stand in, and how the guest sees them, by disk key; and what is said of them."""

    disks: Mapping[str, Path]
    buses: Mapping[str, str]
    said: str = ""


def opened(replica: Replica, point: Point, key: Path | None) -> Standing:
    """What stands in for the disks that the point lacks, made in the run's folder if it is not there: a
    repeat gives the same. Raises Problem."""
    disks, buses, said = {}, {}, ""
    for each in _known(replica, point):
        name, size_bytes = each["key"], each["size_bytes"]
        said += f"; {each.get('said')}"
        if size_bytes:
            disks[name], why = _disk(replica, name, size_bytes, _command(each), key)
            buses[name] = str(each.get("bus") or "virtio")
            said += why
    return Standing(disks, buses, said)


def _known(replica: Replica, point: Point) -> Iterator[dict[str, Any]]:
    """What its appliance wrote, as far as it is understood."""
    found = replica.start.get("stand_ins")
    for each in found if isinstance(found, list) else []:
        if not isinstance(each, dict) or each.get("key") in point.disks:
            continue
        key, size_bytes = each.get("key"), each.get("size_bytes")
        is_named = isinstance(key, str) and NAME.fullmatch(key)
        if is_named and isinstance(size_bytes, int) and 0 <= size_bytes <= MOST_BYTES:
            yield each


def _command(told: Mapping[str, Any]) -> list[str]:
    """What makes its file system; empty if it has none."""
    words = [str(word) for word in told.get("make") or ()]
    return words if words and words[0] in TOOLS else []


def _disk(
    replica: Replica, name: str, size_bytes: int, command: list[str], key: Path | None
) -> tuple[Path, str]:
    """The disk, and why it has no file system although one was wanted."""
    path = replica.run_folder / f"{name}{STAND_IN}.qcow2"
    if path.exists():
        return path, ""
    raw, part = (path.with_name(f".{name}{STAND_IN}.{each}") for each in ("rescue", "part"))
    part.unlink(missing_ok=True)
    try:
        is_filled, why = _filled(command, raw, size_bytes)
        secret, options = leasing.encrypted(key)
        if is_filled:
            leasing.qemu_img(
                "convert", "-q", *secret, "-f", "raw", "-O", "qcow2", "-o", options, str(raw), str(part)
            )
        else:  # without the raw file: not every file system has one of that size
            leasing.qemu_img(
                "create", "-q", *secret, "-f", "qcow2", "-o", options, str(part), str(size_bytes)
            )
        files.sync(part)
        part.replace(path)
        files.sync_folder(path.parent)
    except OSError as error:
        raise Problem(
            f"What stands in for disk {name} of {replica.name} cannot be made: {error}.",
            "Make room in the store, and start it again.",
        ) from None
    finally:
        raw.unlink(missing_ok=True)
    return path, why


def _filled(command: list[str], raw: Path, size_bytes: int) -> tuple[bool, str]:
    """Whether the file has its file system now, and why it has none although one was wanted."""
    if not command:
        return False, ""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return False, f" (but there is no {command[0]} here, so it has no file system)"
    try:
        with raw.open("wb") as file:
            os.truncate(file.fileno(), size_bytes)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return False, " (but no file may be so large in this store, so it has no file system)"
    older = [word.replace(PREZEROED, "") for word in command]  # mke2fs of before 1.47 does not know that
    for words in (command, *([older] if older != command else [])):
        if _ended([program, *words[1:], str(raw)], raw):
            return True, ""
    return False, f" (but {command[0]} failed or takes too much room, so it has no file system)"


def _ended(command: list[str], raw: Path) -> bool:
    """Whether the program made it; otherwise the file is as it was. It takes a quarter of the free space at
    most: the guest says what is to be made."""
    about, size_bytes = os.statvfs(raw), raw.stat().st_size
    most_bytes, until = about.f_bavail * about.f_frsize // 4, time.monotonic() + MAKE_SECONDS
    with contextlib.suppress(OSError), subprocess.Popen(command, **QUIET) as making:
        while making.poll() is None:
            time.sleep(LOOK_SECONDS)
            if raw.stat().st_blocks * 512 > most_bytes or time.monotonic() > until:
                making.kill()
        if making.returncode == 0:
            return True
    os.truncate(raw, 0)
    os.truncate(raw, size_bytes)
    return False
