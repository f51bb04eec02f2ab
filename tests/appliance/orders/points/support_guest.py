"""A guest's disk with an ext4 file system, made without mounting it."""

import subprocess

from secondsite.ground.units import MiB


def disk(folder, files):
    """The bytes of a disk that holds these files, by their paths."""
    content, image = folder / "content", folder / "disk"
    for path, text in files.items():
        place = content / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    with image.open("wb") as file:
        file.truncate(4 * MiB)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-d", content, image], check=True, timeout=60)
    return image.read_bytes()
