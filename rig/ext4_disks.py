"""A guest's disk with an ext4 file system, made without mounting it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from secondsite.ground.units import MiB


def disk(folder: Path, files: Mapping[str, str | bytes], size_bytes: int = 4 * MiB) -> bytes:
    """The bytes of a disk that holds these files, by their paths."""
    content, image = folder / "content", folder / "disk"
    for path, text in files.items():
        place = content / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    with image.open("wb") as file:
        file.truncate(size_bytes)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-d", content, image], check=True, timeout=300)
    return image.read_bytes()
