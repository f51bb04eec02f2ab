"""File systems that fill a whole disk: told by their superblock, and made anew and empty.

What a disk begins with is its guest's: it is read as bytes, never mounted, and everything is judged."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...ground.units import GiB, KiB
from .. import errors

HEAD_BYTES: Final = 8 * KiB
"""How much of a disk is needed to tell what fills it."""
MAKE_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.05
SHARE: Final = 4
"""What makes a file system takes no more than this part of the free space: a guest chooses what is made.
ext3 as mke2fs makes it took 17 GB of each TB, and filled a store to the last byte."""
LARGE_BYTES: Final = 4 * GiB
"""From here on a journal is as small as it may be: it is written."""
PREZEROED: Final = ",assume_storage_prezeroed=1"
_EXT_AT, _SWAP_AT, _SWAP_MARK_AT = 1024, 1024, 4086
_EXT_COMPAT = {0x4: "has_journal", 0x8: "ext_attr", 0x10: "resize_inode", 0x20: "dir_index"}
_EXT_INCOMPAT = {0x2: "filetype", 0x40: "extent", 0x80: "64bit", 0x200: "flex_bg"}
_EXT_RO = {0x1: "sparse_super", 0x2: "large_file", 0x8: "huge_file", 0x10: "uninit_bg", 0x20: "dir_nlink",
           0x40: "extra_isize", 0x100: "quota", 0x400: "metadata_csum", 0x2000: "project"}  # fmt: skip
_JOURNAL_DEVICE = 0x8
_XFS_RO = {0x1: "finobt", 0x2: "rmapbt", 0x4: "reflink", 0x8: "inobtcount"}
_XFS_INCOMPAT = {0x2: "sparse", 0x8: "bigtime", 0x20: "nrext64"}
_TOOLS = {"ext2": "mke2fs", "ext3": "mke2fs", "ext4": "mke2fs", "xfs": "mkfs.xfs", "swap": "mkswap"}
_OTHERS = ((0, b"LUKS\xba\xbe"), (512, b"EFI PART"), (512, b"LABELONE"))
"""What also begins a disk, over a superblock that may be left from before: LUKS, partitions, LVM."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What fills a disk: `kind` is ext2, ext3, ext4, xfs or swap. `features` are those of the ones known here
    that an older kernel may lack; `block_bytes` is 0 where it does not matter."""

    kind: str
    uuid: str
    label: str = ""
    block_bytes: int = 0
    features: tuple[str, ...] = ()


def told(head: bytes) -> FileSystem | None:
    """What fills a disk that begins with `head`, at least HEAD_BYTES of it; None if that is nothing known, or
    not the whole disk. Never raises."""
    if len(head) < HEAD_BYTES or _is_divided(head):
        return None
    return _xfs(head) or _swap(head) or _ext(head)


def _is_divided(head: bytes) -> bool:
    entries = head[446:510]
    has_partitions = head[510:512] == b"\x55\xaa" and any(entries[at + 4] for at in range(0, 64, 16))
    return has_partitions or any(head.startswith(mark, at) for at, mark in _OTHERS)


def _xfs(head: bytes) -> FileSystem | None:
    block_bytes = _int(">I", head, 4)
    if not head.startswith(b"XFSB") or block_bytes not in (1024, 2048, 4096):
        return None
    is_v5 = _int(">H", head, 100) & 0xF == 5
    found = (*_named(_XFS_RO, _int(">I", head, 212)), *_named(_XFS_INCOMPAT, _int(">I", head, 216)))
    return _judged("xfs", head[32:48], head[108:120], block_bytes, ("crc", *found) if is_v5 else ())


def _swap(head: bytes) -> FileSystem | None:
    if head[_SWAP_MARK_AT : _SWAP_MARK_AT + 10] != b"SWAPSPACE2" or _int("<I", head, _SWAP_AT) != 1:
        return None
    return _judged("swap", head[_SWAP_AT + 12 :][:16], head[_SWAP_AT + 28 :][:16])


def _ext(head: bytes) -> FileSystem | None:
    block = head[_EXT_AT : _EXT_AT + 1024]
    compat, incompat, read_only = (_int("<I", block, at) for at in (0x5C, 0x60, 0x64))
    size = _int("<I", block, 0x18)
    if _int("<H", block, 0x38) != 0xEF53 or incompat & _JOURNAL_DEVICE or size > 2:
        return None
    features = (*_named(_EXT_COMPAT, compat), *_named(_EXT_INCOMPAT, incompat), *_named(_EXT_RO, read_only))
    kind = "ext4" if "extent" in features else "ext3" if "has_journal" in features else "ext2"
    return _judged(kind, block[0x68:0x78], block[0x78:0x88], 1024 << size, features)


def _judged(
    kind: str, id_bytes: bytes, label: bytes, block_bytes: int = 0, features: tuple[str, ...] = ()
) -> FileSystem | None:
    """The file system, unless it has no id. A label that is no text counts as none."""
    if not any(id_bytes):
        return None
    try:
        text = label.split(b"\0", 1)[0].decode()
    except UnicodeDecodeError:
        text = ""
    shown = text if text.isprintable() else ""
    return FileSystem(kind, str(uuid.UUID(bytes=id_bytes)), shown, block_bytes, features)


def _int(form: str, data: bytes, at: int) -> int:
    return int(struct.unpack_from(form, data, at)[0])


def _named(names: dict[int, str], bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in names.items() if bits & bit)


def tool_of(kind: str) -> str | None:
    """The program that makes a file system of this kind; None for a kind that is not known here."""
    return {"xfs": "mkfs.xfs", "swap": "mkswap", **dict.fromkeys(("ext2", "ext3", "ext4"), "mke2fs")}.get(
        kind
    )


def is_makeable(kind: str) -> bool:
    """Whether such a file system can be made on this host."""
    tool = tool_of(kind)
    return tool is not None and _found(tool) is not None


def command(wanted: FileSystem, size_bytes: int) -> list[str]:
    """What makes such a file system, empty, on the sparse file that is to be its last argument; `wanted` is
    of a kind that is known."""
    return [str(tool_of(wanted.kind)), *_arguments(wanted, size_bytes)]


def make(path: Path, wanted: FileSystem) -> None:
    """Make the file system, empty, on an empty sparse file of our own. It takes a quarter of the free space
    at most; after an error the file is as it was. Raises ImageProblem."""
    tool = tool_of(wanted.kind)
    program = None if tool is None else _found(tool)
    if program is None:
        raise errors.ImageProblem(
            f"No program here makes a file system of type {wanted.kind}.",
            do="Install Debian's e2fsprogs and xfsprogs.",
        )
    size_bytes = path.stat().st_size
    try:
        _run([program, *_arguments(wanted, size_bytes)], path)
    except errors.ImageProblem:
        os.truncate(path, 0)
        os.truncate(path, size_bytes)
        raise


def _found(tool: str) -> str | None:
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _arguments(wanted: FileSystem, size_bytes: int) -> Sequence[str]:
    """Features are those that the guest's kernel is known to read: a newer mkfs would choose others, which an
    older kernel does not mount."""
    label = ["-L", wanted.label] if wanted.label else []
    arguments: dict[str, Callable[[], list[str]]] = {
        "xfs": lambda: _of_xfs(wanted, size_bytes),
        "swap": lambda: ["-U", wanted.uuid],
    }
    return [*arguments.get(wanted.kind, lambda: _of_ext(wanted, size_bytes))(), *label]


def _of_ext(wanted: FileSystem, size_bytes: int) -> list[str]:
    known = {*_EXT_COMPAT.values(), *_EXT_INCOMPAT.values(), *_EXT_RO.values()}
    features = ",".join(["none", *(each for each in wanted.features if each in known)])
    journal = ["-J", "size=64"] if "has_journal" in wanted.features and size_bytes >= LARGE_BYTES else []
    return ["-q", "-F", "-t", wanted.kind, "-b", str(wanted.block_bytes), "-U", wanted.uuid, "-O", features,
            *journal, "-E", f"lazy_itable_init=1,lazy_journal_init=1,nodiscard{PREZEROED}"]  # fmt: skip


def _of_xfs(wanted: FileSystem, size_bytes: int) -> list[str]:
    has = {name: int(name in wanted.features) for name in ("crc", *_XFS_RO.values(), *_XFS_INCOMPAT.values())}
    metadata = ",".join(f"{name}={has[name]}" for name in ("crc", *_XFS_RO.values(), "bigtime"))
    inodes = ",".join(f"{name}={has[name]}" for name in ("sparse", "nrext64"))
    log = ["-l", "size=128m"] if size_bytes >= LARGE_BYTES else []
    return ["-q", "-f", "-K", *log, "-b", f"size={wanted.block_bytes}",
            "-m", f"uuid={wanted.uuid},{metadata}", "-i", inodes]  # fmt: skip


def _run(command: Sequence[str], path: Path) -> None:
    """Raises ImageProblem."""
    code, said = _ended(command, path)
    if code and PREZEROED.strip(",=1") in said:  # one of before 1.47 does not know it
        code, said = _ended([word.replace(PREZEROED, "") for word in command], path)
    if code:
        raise errors.ImageProblem(
            f"{command[0]} could not make a file system on {path}: {said.strip()[:500]}",
            do="The disk can stand in empty; make the file system by hand.",
        )


def _ended(command: Sequence[str], path: Path) -> tuple[int, str]:
    """How the program ended on the file, and its errors. Raises ImageProblem for one that does not end, or
    takes too much."""
    about = os.statvfs(path)
    most_bytes, until = about.f_bavail * about.f_frsize // SHARE, time.monotonic() + MAKE_SECONDS
    try:
        program = subprocess.Popen(
            [*command, str(path.absolute())], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except OSError as error:
        raise _did_not(command, path, str(error)) from error
    with program:
        while True:
            try:
                said = program.communicate(timeout=LOOK_SECONDS)[1]
                return program.returncode, said
            except subprocess.TimeoutExpired:
                taken_bytes = path.stat().st_blocks * 512
            if taken_bytes > most_bytes or time.monotonic() > until:
                program.kill()
                why = "it takes too much of what is free" if taken_bytes > most_bytes else "it did not end"
                raise _did_not(command, path, why)


def _did_not(command: Sequence[str], path: Path, why: str) -> errors.ImageProblem:
    return errors.ImageProblem(
        f"{command[0]} could not make a file system on {path}: {why}.",
        do="Make room in the store, and check its disk for errors or load; or let the disk stand in empty.",
    )
