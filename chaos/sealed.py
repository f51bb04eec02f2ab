"""Whether anything lies readable in a store whose replicas are encrypted: told by the formats of its
files."""

import struct
from collections.abc import Iterator
from pathlib import Path

from secondsite.datapath.encryption import encrypted_file

_QCOW2 = b"QFI\xfb"
_CRYPT_METHOD_AT = 32
_LUKS = 2
"""QEMU's interop/qcow2.txt: `crypt_method`."""


def readable(store: Path) -> Iterator[Path]:
    """Images, cycles and firmware state that are not encrypted. Files that come and go meanwhile are none."""
    for path in store.glob("replicas/*/**/*"):
        try:
            with path.open("rb") as file:
                head = file.read(512)
        except (FileNotFoundError, IsADirectoryError):
            continue
        folder = path.relative_to(store).parts[2]
        if head[:4] == _QCOW2:
            if struct.unpack_from(">I", head, _CRYPT_METHOD_AT) != (_LUKS,):
                yield path
        elif (
            head and folder in ("inbox", "journal", "firmware") and not head.startswith(encrypted_file.MAGIC)
        ):
            yield path
