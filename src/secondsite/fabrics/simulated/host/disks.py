"""Disk files: the files of a chain, the bitmaps of its top, and how it is opened in a daemon."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....datapath import errors as datapath_errors
from ....datapath.disks import image
from ....datapath.encryption import EncryptionKey
from ....domain import errors
from .daemon import Session

IMAGE_SECONDS = 60.0
OURS = "secondsite-"


@dataclass(frozen=True, slots=True)
class Link:
    """One file of a chain and its node's name."""

    path: Path
    image_format: str
    node: str
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class DiskFiles:
    """A disk according to its files: the chain, top first, and the top's usable and broken bitmaps (P2)."""

    size_bytes: int
    chain: tuple[Link, ...]
    bitmaps: tuple[str, ...]
    broken_bitmaps: tuple[str, ...]
    compat: str


def node_name(fabric_id: str, path: Path) -> str:
    """A short name: node names have at most 31 characters."""
    return "n" + hashlib.sha256(f"{fabric_id} {path.absolute()}".encode()).hexdigest()[:24]


def guest_export(fabric_id: str, key: str) -> str:
    """The export through which the guest of a running machine uses its disk."""
    return f"{fabric_id}/{key}"


def look(fabric_id: str, path: Path) -> DiskFiles:
    """Read the files of a disk that no daemon has open for writing; raises FabricError when one is
    missing."""
    told = json.loads(
        _qemu_img("info", "--output=json", "--backing-chain", "-U", str(path.absolute()), about=path)
    )
    chain = tuple(
        Link(
            Path(one["filename"]),
            one["format"],
            node_name(fabric_id, Path(one["filename"])),
            bool(one.get("encrypted")),
        )
        for one in told
    )
    top = told[0].get("format-specific", {}).get("data", {})
    bitmaps = top.get("bitmaps", [])
    return DiskFiles(
        size_bytes=told[0]["virtual-size"],
        chain=chain,
        bitmaps=tuple(one["name"] for one in bitmaps if "in-use" not in one["flags"]),
        broken_bitmaps=tuple(one["name"] for one in bitmaps if "in-use" in one["flags"]),
        compat=top.get("compat", ""),
    )


def open_chain(
    session: Session, files: DiskFiles, *, writable: bool, key: EncryptionKey | None = None
) -> None:
    """Open every file of a disk as a node of its own, so that each can be named later. `key` opens
    encrypted ones."""
    below: str | None = None
    for link in reversed(files.chain):
        options: dict[str, Any] = {
            "driver": link.image_format,
            "node-name": link.node,
            "read-only": not (writable and link is files.chain[0]),
            "discard": "unmap",
            "file": {**image.file_options(link.path), "auto-read-only": True},
        }
        if link.encrypted and key is not None:
            options["encrypt"] = session.encryption(key)
        if link.image_format != "raw":
            options["backing"] = below
        session.run("blockdev-add", **options)
        below = link.node


def add_bitmap(path: Path, bitmap: str, key: EncryptionKey | None = None) -> None:
    """Begin a bitmap in a file that nobody has open; `key` opens an encrypted file."""
    encrypted = key is not None and look("", path).chain[0].encrypted
    try:
        image.add_bitmap(path, bitmap, key if encrypted else None)
    except datapath_errors.DatapathError as error:
        raise errors.FabricError(error.message, do=error.do) from error


def remove_bitmap(path: Path, bitmap: str, key: EncryptionKey | None = None) -> None:
    """Remove a bitmap, usable or broken, from a file that nobody has open; `key` opens an encrypted file."""
    if key is None or not look("", path).chain[0].encrypted:
        _qemu_img("bitmap", "--remove", "-f", "qcow2", str(path.absolute()), bitmap, about=path)
        return
    try:
        image.remove_bitmap(path, bitmap, key)
    except datapath_errors.DatapathError as error:
        raise errors.FabricError(error.message, do=error.do) from error


def _qemu_img(*arguments: str, about: Path) -> str:
    return _checked(["qemu-img", *arguments], about)


def _checked(command: Sequence[str], about: Path) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=IMAGE_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        raise errors.FabricError(
            f"'qemu-img {command[1]}' failed on {about}: {error.stderr.strip()}",
            do="Check that the disk's files are there and that no other program has them open.",
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.FabricError(
            f"'qemu-img {command[1]}' on {about} did not end: {error}",
            do="Install qemu-utils, check the host's disk.",
        ) from error
    return done.stdout
