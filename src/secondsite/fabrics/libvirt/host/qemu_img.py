"""Image files that no QEMU has open: their format, snapshots and bitmaps."""

import contextlib
import dataclasses
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....datapath import errors as datapath_errors
from ....datapath.disks import DiskLocation, NetworkDisk, image
from ....datapath.encryption import EncryptionKey
from ....domain import errors

IMAGE_SECONDS = 30.0
VERSION_2 = "0.10"
"""What QEMU calls version 2 of qcow2, which has no bitmaps."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image file. `bitmaps` maps each persistent bitmap to whether it is usable; stale for a running
    machine (P4)."""

    path: DiskLocation
    format: str
    size_bytes: int
    snapshots: tuple[str, ...]
    bitmaps: dict[str, bool]
    encrypted: bool = False
    data_file: str | None = None
    """The file in which a qcow2 file keeps its data, if it is another one."""


def facts(
    path: DiskLocation, read_as: str | None = None, deadline_seconds: float = IMAGE_SECONDS
) -> ImageFacts:
    """Describe an image, whose format is probed unless it is given; raises FabricError if the file is missing
    or no image, DeadlineExceeded. A network disk is raw."""
    if isinstance(path, NetworkDisk):
        return _of_network(path, deadline_seconds)
    return _facts(json.loads(_run("info", "-U", "--output=json", *_given(read_as), str(path))))


def _of_network(disk: NetworkDisk, deadline_seconds: float) -> ImageFacts:
    named = ("-U", "--output=json", disk.filename())
    told = _run("info", *named, seconds=deadline_seconds, about=str(disk))
    return dataclasses.replace(_facts(json.loads(told)), path=disk)


def chain(path: Path, read_as: str | None = None) -> list[ImageFacts]:
    """An image and all that it reads from, top first; raises FabricError if one is missing."""
    named = (*_given(read_as), str(path.absolute()))
    told = json.loads(_run("info", "-U", "--output=json", "--backing-chain", *named))
    return [_facts(info) for info in told]


def _given(read_as: str | None) -> tuple[str, ...]:
    return () if read_as is None else ("-f", read_as)


def _facts(info: dict[str, Any]) -> ImageFacts:
    specific: dict[str, Any] = info.get("format-specific", {}).get("data", {})
    return ImageFacts(
        path=Path(info["filename"]),
        format=info["format"],
        size_bytes=int(info["virtual-size"]),
        snapshots=tuple(snapshot["name"] for snapshot in info.get("snapshots", [])),
        bitmaps={bitmap["name"]: "in-use" not in bitmap["flags"] for bitmap in specific.get("bitmaps", [])},
        encrypted=bool(info.get("encrypted")),
        data_file=specific.get("data-file"),
    )


def remove_bitmap(path: Path, name: str, key: EncryptionKey | None = None) -> None:
    """Removes a persistent bitmap, usable or not; the image must not be open anywhere."""
    if key is not None and facts(path).encrypted:
        with translated():
            image.remove_bitmap(path, name, key)
    else:
        _run("bitmap", "--remove", str(path), name)


def add_bitmap(path: Path, name: str, key: EncryptionKey | None = None) -> None:
    """Begin a bitmap in an image that is open nowhere."""
    with translated():
        image.add_bitmap(path, name, key if key is not None and facts(path).encrypted else None)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate errors of the data path about images into the domain's."""
    try:
        yield
    except errors.StoreFull:
        raise
    except datapath_errors.DatapathError as error:
        raise errors.FabricError(error.message, do=error.do) from error


def _run(*arguments: str, seconds: float = IMAGE_SECONDS, about: str = "") -> str:
    """`about`: what people call the image, if the last argument is not for them."""
    said = " ".join((*arguments[:-1], about or arguments[-1]))
    try:
        done = subprocess.run(
            ["qemu-img", *arguments], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise errors.DeadlineExceeded(
            f"qemu-img {said} did not end within {seconds:.0f} s.",
            do=f"Check the storage that the image lies on. {errors.TRIED_AGAIN}",
        ) from late
    if done.returncode != 0:
        told = done.stderr.strip().replace(arguments[-1], about or arguments[-1])
        raise errors.FabricError(f"qemu-img {said} failed: {told}", do=_what_to_do(told))
    return done.stdout


def _what_to_do(said: str) -> str:
    if any(each in said for each in ("Unknown driver", "Unknown protocol")):
        return "Give this host's QEMU the driver: on Debian it is in the package qemu-block-extra."
    return "Check that the image is there, readable, and not used by another program."
