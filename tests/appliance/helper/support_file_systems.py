"""File systems in image files, with content of which the digests are known.

They are made by Debian's own tools and filled over a loop device, or FUSE: what a machine gives that has
neither is told by a skip."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig import loop_devices
from rig.noise import noise
from secondsite.ground.units import MiB

MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q"),
    "btrfs": ("mkfs.btrfs", "-q"),
    "ntfs": ("mkntfs", "-q", "-F", "-f"),
}
SIZE_BYTES = {"xfs": 320 * MiB}
WITHOUT_MAPPER = 'devices {{ use_devicesfile = 0 filter = [ "a|^{device}$|", "r|.*|" ] }} '
WITHOUT_MAPPER += (
    "activation {{ udev_sync = 0 udev_rules = 0 monitoring = 0 }} global {{ event_activation = 0 }}"
)


@dataclass(frozen=True)
class Made:
    """An image, and where in it the file system begins."""

    image: Path
    offset: int = 0
    size_bytes: int = 0


def run(*command):
    """What it printed. Skips where the program is missing."""
    if shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
        pytest.skip(f"there is no {command[0]} here: ./dev setup installs it")
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    return done.stdout


def make(kind, image):
    """An empty file system in a new image."""
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES.get(kind, 200 * MiB))
    run(*MAKE[kind], image)
    return Made(image)


@contextlib.contextmanager
def mounted(kind, made, at):
    """Its content, to be written to."""
    at.mkdir(exist_ok=True)
    try:
        device = loop_devices.begin(made.image) if not made.offset else _part(made)
    except loop_devices.NoDevice as problem:
        pytest.skip(f"this machine gives no loop device: {problem}")
    try:
        if kind == "ntfs":
            run("ntfs-3g", device, at)
        else:
            run("mount", "-t", kind, device, at)
        try:
            yield at
        finally:
            run("umount", at)
    finally:
        loop_devices.end(device)


def _part(made):
    where = ("--offset", str(made.offset), "--sizelimit", str(made.size_bytes))
    return Path(run("losetup", "--find", "--show", *where, made.image).strip())


def in_logical_volume(kind, folder):
    """An empty file system in the volume 'guest/root' of a disk that is one physical volume."""
    image = folder / "lvm"
    with image.open("wb") as file:
        file.truncate(260 * MiB)
    device = loop_devices.begin(image)
    try:
        config = WITHOUT_MAPPER.format(device=device)

        def lvm(*words):
            return run("lvm", words[0], "--config", config, "--driverloaded", "n", *words[1:])

        lvm("pvcreate", "-q", "-y", device)
        lvm("vgcreate", "-q", "guest", device)
        # without a device mapper none can be activated here, so it is not wiped either
        lvm("lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", "-L", "200M", "-n", "root", "guest")
        told = lvm("pvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", "pe_start")
        start = int(json.loads(told)["report"][0]["pv"][0]["pe_start"])
    finally:
        loop_devices.end(device)
    made = Made(image, start, 200 * MiB)
    part = _part(made)
    try:
        run(*MAKE[kind], part)
    finally:
        loop_devices.end(part)
    return made


def fill(folder, count):
    """Folders of files, small ones and one of some MB, links and odd names."""
    for number in range(count):
        place = folder / "many" / str(number // 500)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"file-{number}").write_bytes(f"content of {number}\n".encode() * (number % 7))
    big = folder / "many" / "big"
    big.write_bytes(noise(3 * MiB) + bytes(2 * MiB) + b"end")
    (folder / "many" / "name with space").write_text("x")
    (folder / "many" / "Übung\N{SNOWMAN}").write_text("y")
    (folder / "many" / "link").symlink_to("/etc/shadow")


def digests(folder):
    """The digest of each file, and where each link leads, by their paths below the folder."""
    found = {}
    for above, _folders, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = os.path.join(above, name)
            key = os.path.relpath(path, os.fsencode(folder))
            if os.path.islink(path):
                found[key] = os.readlink(path)
            else:
                with open(path, "rb") as file:
                    found[key] = hashlib.file_digest(file, "sha256").digest()
    return found
