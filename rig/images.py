"""Disk images read and made by qemu-img alone: what they hold is seen without the product's help."""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def qemu_img(*arguments: str | Path, within_seconds: float = 60) -> str:
    """One qemu-img command; what it printed. Raises CalledProcessError, which holds what it complained of."""
    words = ["qemu-img", *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=within_seconds).stdout


def raw(path: Path) -> bytes:
    """All that a disk holds, its backing chain included. The image may be in use."""
    with _converted(path) as out:
        return out.read_bytes()


def digest(path: Path) -> str:
    """sha256 of all that a disk holds, in hex."""
    with _converted(path) as out, out.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(replica: Path, point_id: str) -> dict[str, Any]:
    """A point's manifest, as a person would read it in the replica's folder."""
    found: dict[str, Any] = json.loads((replica / "points" / f"{point_id}.json").read_text())
    return found


def point_disks(replica: Path, point_id: str) -> dict[str, Path]:
    """The images of a point's disks, by their keys."""
    return {disk["key"]: replica / disk["file"] for disk in manifest(replica, point_id)["disks"]}


def point_digests(replica: Path, point_id: str) -> dict[str, str]:
    """sha256 of each disk at a point, in hex, by key."""
    return {key: digest(path) for key, path in point_disks(replica, point_id).items()}


@contextmanager
def _converted(path: Path) -> Iterator[Path]:
    """In /var/tmp: what is converted may be larger than the memory, and than the store that it comes from."""
    with tempfile.TemporaryDirectory(prefix="secondsite-raw-", dir="/var/tmp") as folder:
        out = Path(folder) / "raw"
        qemu_img("convert", "-U", "-O", "raw", path, out)
        yield out
