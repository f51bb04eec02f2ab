"""The initramfs of a helper machine, of what the host has: modules of its kernel, and its programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...domain import errors
from . import cpio, programs
from .kernel import Kernel

INIT = Path(__file__).with_name("helper_init.sh")
MODULES = (
    *("virtio_pci", "virtio_console", "virtio_scsi", "sd_mod"),
    *("dm_mod", "dm_mirror", "dm_snapshot", "dm_thin_pool", "raid0", "raid1", "raid10", "raid456"),
    *("ext4", "xfs", "btrfs", "vfat", "exfat", "f2fs", "isofs", "udf", "squashfs", "fuse", "ntfs3"),
    *("crc32c_generic", "xxhash_generic", "sha256_generic", "blake2b_generic"),
    *("nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"),
)
NEEDED = {"busybox": "busybox-static", "blkid": "util-linux"}
"""Programs without which there is no helper machine, and the packages that have them."""
USEFUL = {"lvm": "lvm2", "mdadm": "mdadm", "ntfs-3g": "ntfs-3g"}
"""Programs for what some guests have, and the packages that have them."""


@dataclass(frozen=True, slots=True)
class Image:
    """The initramfs, and the programs of USEFUL that are not in it."""

    initramfs: bytes
    lacks: frozenset[str]


def build(kernel: Kernel) -> Image:
    """Raises NotPossibleNow, which names the package, if the host lacks what it takes."""
    found = {name: path for name in (*NEEDED, *USEFUL) if (path := programs.find(name)) is not None}
    for name, package in NEEDED.items():
        if name not in found:
            raise errors.NotPossibleNow(
                f"There is no {name} at this host, and a helper machine needs it.",
                do=f"Install it: 'apt install {package}'.",
            )
    return Image(cpio.archive(_entries(kernel, found)), frozenset(USEFUL.keys() - found.keys()))


def _entries(kernel: Kernel, found: dict[str, Path]) -> Iterator[cpio.Entry]:
    yield cpio.console()
    yield cpio.file("init", INIT.read_bytes(), program=True)
    for name, program in found.items():
        yield from programs.entries(name, program)
    yield cpio.link("bin/busybox", "/sbin/busybox")
    yield cpio.link("sbin/modprobe", "busybox")  # which the kernel calls by this name
    folder, lines = f"lib/modules/{kernel.release}", []
    for name, (content, needs) in kernel.needed(MODULES).items():
        yield cpio.file(f"{folder}/{name}.ko", content)
        lines.append(f"{name}.ko: {' '.join(f'{each}.ko' for each in needs)}\n")
    yield cpio.file(f"{folder}/modules.dep", "".join(lines).encode())
