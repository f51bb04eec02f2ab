"""Disks of a machine that nobody needs, for the fuzzer: with a file system of their own, as swap, or as
members of a mirror that carries a volume group with a file system and with swap. A file on ext4 carries one
more file system by a loop device."""

import os
from pathlib import Path

from rig.eventually import eventually
from secondsite.ground.units import MiB

from . import support_agent as support

PAST_BYTES = 8 * MiB
"""Behind the file system of an ext4 disk, for those who write past file systems."""
NESTED_BYTES = 32 * MiB
SCSI_HEAD = 4


class RealDisk(support.LoopDisk):
    """A disk by the kernel's name, with one file system on its first part, or on all of it."""

    def __init__(self, folder, name, kind):
        self.kind, self.name, self.device = kind, name, f"/dev/{name}"
        self.size = 512 * int(Path(f"/sys/block/{name}/size").read_text())
        self.fs_size = self.size - PAST_BYTES if kind == "ext4" else self.size
        self.mount = folder / name
        self.mount.mkdir()
        self.mounted = False
        self.own_blocks = 0
        self.known = ""

    @property
    def key(self):
        return self.known

    @property
    def serial(self):
        """As whoever made the machine named it."""
        about = Path("/sys/block") / self.name
        page = about / "device/vpd_pg80"
        if page.exists():
            return page.read_bytes()[SCSI_HEAD:].decode().strip("\0 ")
        return next(p.read_text().strip() for p in (about / "serial", about / "device/serial") if p.exists())

    def close(self):
        """The machine ends with the trial."""


class Outside:
    """Who holds the whole machine still, and reads its disks: asked by files in a folder that both have."""

    def __init__(self, shared, disks):
        self.shared, self.disks = Path(shared), disks

    def __call__(self, name):
        (self.shared / f"hold-{name}").touch()
        told = self.shared / f"truth-{name}"
        eventually(told.exists, support.PATIENCE)
        return {disk.key: _digests(told / disk.serial) for disk in self.disks}


def _digests(path):
    told = path.read_bytes()
    return [told[at : at + 16] for at in range(0, len(told), 16)]


def made(folder, named):
    """All disks, ready; the two of a mirror are its members, and the first stands for what lies on it."""
    disks = [RealDisk(folder, name, kind) for name, kind in named.items()]
    for disk in disks:
        if disk.kind != "mirror":
            disk.make()
    members = [disk for disk in disks if disk.kind == "mirror"]
    if members:
        _mirror(members)
    return disks


def nested(disk):
    """Where a file of this disk's file system is mounted, as one more file system."""
    file, mount = disk.mount / "nested.raw", disk.mount.with_name("nested")
    with file.open("wb") as opened:
        os.posix_fallocate(opened.fileno(), 0, NESTED_BYTES)
    mount.mkdir()
    device = support.run("losetup", "-f", "--show", str(file))
    support.run("mkfs.ext4", "-q", device)
    support.run("mount", device, str(mount))
    return mount


def know(disks, agent):
    """By which key the agent has each disk."""
    keys = {disk["name"]: disk["key"] for disk in agent.told("disks")}
    for disk in disks:
        disk.known = keys[disk.name]


def _mirror(members):
    devices = [disk.device for disk in members]
    support.run(
        "mdadm", "--create", "/dev/md0", "--run", "--level=1", f"--raid-devices={len(devices)}",
        "--assume-clean", "--bitmap=internal", *devices,
    )  # fmt: skip
    support.run("vgcreate", "-y", "fuzz", "/dev/md0")
    support.run("lvcreate", "-y", "-Wn", "-L", "56m", "-n", "swap", "fuzz")
    support.run("lvcreate", "-y", "-Wn", "-l", "100%FREE", "-n", "data", "fuzz")
    support.run("mkfs.ext4", "-q", "/dev/fuzz/data")
    support.run("mount", "/dev/fuzz/data", str(members[0].mount))
    support.run("mkswap", "/dev/fuzz/swap")
    support.run("swapon", "/dev/fuzz/swap")
    members[0].mounted = True
    for disk in members:
        first = int(Path(f"/sys/block/md0/md/dev-{disk.name}/offset").read_text())
        disk.own_blocks = -(-first * 512 // support.BLOCK)
