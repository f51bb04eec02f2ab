"""A boot sector whose machine counts for ever: each number is written to its first disk, and, once that has
ended, to its second."""

import struct
from collections.abc import Sequence
from pathlib import Path

from rig.hosts.domains import firmware_xml
from rig.images import qemu_img

SECTOR_BYTES = 512
OFFSET = 2048 * SECTOR_BYTES
"""Where each disk has the number: 32 bits, little-endian."""
CODE = bytes.fromhex(
    "31c0 8ed8 8ec0 8ed0 bc007c"  # no segments, a stack
    "66ff06007e"  # count at 0x7e00
    "b280 e80700 b281 e80200"  # write to the first disk, then to the second
    "ebef"  # again
    "be287c b80043 cd13 c3 909090"  # how: as the packet says
    "1000 0100 007e 0000"  # the packet: one sector, from 0x7e00
) + struct.pack("<Q", OFFSET // SECTOR_BYTES)


def definition(name: str, disks: Sequence[Path], disk_format: str) -> str:
    """A machine that does so with these two new disks."""
    first, second = disks
    sector = first.with_suffix(".sector")
    sector.write_bytes(CODE.ljust(SECTOR_BYTES - 2, b"\0") + b"\x55\xaa")
    qemu_img("convert", "-q", "-n", "-f", "raw", "-O", disk_format, sector, first)
    sector.unlink()
    xml = firmware_xml(name, [first, second], form=disk_format)
    for order, key in enumerate(("vda", "vdb"), start=1):  # the firmware knows no other disks
        target = f"<target dev='{key}' bus='virtio'/>"
        xml = xml.replace(target, f"{target}<boot order='{order}'/>")
    return xml


def number_in(content: bytes) -> int:
    """What a disk with this content was told last."""
    return int(struct.unpack_from("<I", content, OFFSET)[0])
