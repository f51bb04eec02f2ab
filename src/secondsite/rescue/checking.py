"""Checks that the files of a point are all there, belong to the store, and are as long as their own tables
say.

What was copied onto a full disk ends too early. QEMU reads zeros from there on, without a message, and would
start a machine from content that it never had.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from pathlib import Path
from typing import Any

from . import leasing
from .problems import Problem
from .store import Point, Replica

BEYOND = "exceeding the end of the file"
"""QEMU's words for a cluster that a file names and does not have."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NAMES = (
    "dm/uuid", "md/uuid", "wwid", "device/wwid", "serial", "device/serial", "device/cid", "loop/backing_file",
)  # fmt: skip
"""As in `ground.real_files`: where the kernel says which device it is."""


def problem_of(replica: Replica, point: Point, key: Path | None) -> str:
    """Why nothing can start from the point; empty if nothing is wrong."""
    for name in point.disks:
        top = replica.layer(name, point.layer)
        if not top.exists():
            torn = replica.head(name, point.layer).exists()
            return f"{top} is not here{', but was still written when the store was copied' if torn else ''}"
        try:
            chain = chain_of(top)
        except Problem as problem:
            return _missing(replica, name) or problem.what
        strange = _strange(replica, chain)
        if strange:
            return (
                f"it would be read from {strange}, which is none of the machine's files here: somebody has "
                "changed the store"
            )
        short = [str(each["filename"]) for each in chain if _ends_early(each, key)]
        if short:
            return f"{short[0]} ends too early, as a copy that was cut off does"
    return ""


def chain_of(top: Path) -> list[dict[str, Any]]:
    """What `qemu-img info` says of a file and of all below it. Raises Problem if one is missing."""
    return list(json.loads(leasing.qemu_img("info", "--output=json", "--backing-chain", "-U", str(top))))


def _strange(replica: Replica, chain: list[dict[str, Any]]) -> str:
    """A file that an image names and that is neither the store's nor an old disk of the machine; empty if
    there is none."""
    disks = replica.record.get("disks", ())
    known = {str(file.get("path", "")) for disk in disks for file in disk.get("base_files") or ()}
    root = replica.folder.resolve()
    for link in chain:
        path = Path(str(link["filename"]))
        if root not in path.resolve().parents and str(path) not in known:
            return str(path)
        data = dict(link.get("format-specific") or {}).get("data") or {}
        if data.get("data-file"):
            return str(data["data-file"])
    return ""


def changed_base(replica: Replica, point: Point) -> str:
    """An old disk of the machine, or a file below it, that a point stands on and that is not as its appliance
    last saw it; empty if there is none. Somebody has changed it, or it is a copy: its content shows which.
    Raises Problem if a file is missing."""
    files = [file for disk in replica.record.get("disks", ()) for file in disk.get("base_files") or ()]
    odd = [str(file["path"]) for file in files if not _is_as_seen(file)]
    if not odd:
        return ""
    chains = [chain_of(replica.layer(name, point.layer)) for name in point.disks]
    read = {str(link["filename"]) for chain in chains for link in chain}
    return next((path for path in odd if path in read), "")


def _missing(replica: Replica, name: str) -> str:
    """A file of the machine's old disk that is not here, in words."""
    disks = [disk for disk in replica.record.get("disks", ()) if disk.get("key") == name]
    files = [str(file["path"]) for disk in disks for file in disk.get("base_files") or ()]
    gone = [path for path in files if not Path(path).exists()]
    return (
        (
            f"it stands on {gone[0]}, an old disk of the machine, which is not here: a copy of the store "
            "needs it at the same path"
        )
        if gone
        else ""
    )


def _is_as_seen(file: dict[str, Any]) -> bool:
    try:
        now = Path(str(file["path"])).stat()
        if stat.S_ISBLK(now.st_mode):
            return _is_device_as_seen(file, Path(str(file["path"])), now.st_rdev)
    except (OSError, ValueError):
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (file["inode"], file["size_bytes"], file["mtime_ns"])


def _is_device_as_seen(file: dict[str, Any], path: Path, number: int) -> bool:
    """Its writes are counted when they leave the host's cache, from one reboot to the next. Raises OSError,
    ValueError."""
    with path.open("rb") as device:
        os.fsync(device.fileno())  # noqa: TID251 nothing of ours is in it
    folder = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if _named(folder.resolve()) != file.get("device", ""):
        return False
    made = folder / "diskseq"
    begun = BOOT_ID.read_text() + (made.read_text() if made.exists() else "")
    if int((folder / "size").read_text()) * 512 != file["size_bytes"]:
        return False
    counts = [int(word) for word in (folder / "stat").read_text().split()]
    written = sum(counts[at] for at in (6, 13) if at < len(counts))
    return file["inode"] != -1 - zlib.crc32(begun.encode()) or bool(written == file["mtime_ns"])


def _named(folder: Path) -> str:
    """What the kernel calls a device, wherever it is attached; empty if nothing names it."""
    part = _said(folder / "partition")
    if part:
        whole = _named(folder.parent)
        return f"{whole} part {part}" if whole else ""
    return next((said for each in NAMES if (said := _said(folder / each))), "")


def _said(path: Path) -> str:
    try:
        return " ".join(path.read_text(errors="replace").split())
    except OSError:
        return ""


def _ends_early(link: dict[str, Any], key: Path | None) -> bool:
    """Whether an image ends too early. If the check takes too long the image counts as whole: a large disk
    must not be kept from starting."""
    if link.get("format") != "qcow2":
        return False
    secret: tuple[str, ...] = ()
    options: dict[str, Any] = {
        "driver": "qcow2",
        "file": {"driver": "file", "filename": str(link["filename"])},
        "backing": None,
    }
    if link.get("encrypted") and key is not None:
        secret = ("--object", f"secret,id=key,file={key}")
        options["encrypt"] = {"format": "luks", "key-secret": "key"}
    try:
        return BEYOND in leasing.checked(*secret, "-U", f"json:{json.dumps(options)}")
    except Problem:
        return False
