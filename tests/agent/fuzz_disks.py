"""Disks of a machine that nobody needs, for the fuzzer: with file systems of their own, or as members of a
mirror that carries a volume group with a file system and with swap."""

from pathlib import Path

from . import support_agent as support


class RealDisk(support.LoopDisk):
    """A disk by the kernel's name, with one file system on all of it."""

    def __init__(self, folder, name, kind):
        self.kind, self.name, self.device = kind, name, f"/dev/{name}"
        self.size = self.fs_size = 512 * int(Path(f"/sys/block/{name}/size").read_text())
        self.mount = folder / name
        self.mount.mkdir()
        self.mounted = False
        self.own_blocks = 0
        self.known = ""

    @property
    def key(self):
        return self.known


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
    support.run("lvcreate", "-y", "-L", "56m", "-n", "swap", "fuzz")
    support.run("lvcreate", "-y", "-l", "100%FREE", "-n", "data", "fuzz")
    support.run("mkfs.ext4", "-q", "/dev/fuzz/data")
    support.run("mount", "/dev/fuzz/data", str(members[0].mount))
    support.run("mkswap", "/dev/fuzz/swap")
    support.run("swapon", "/dev/fuzz/swap")
    members[0].mounted, members[0].kind = True, "swap"
    for disk in members:
        first = int(Path(f"/sys/block/md0/md/dev-{disk.name}/offset").read_text())
        disk.own_blocks = -(-first * 512 // support.BLOCK)
