"""A machine's firmware state: small files beside its disks, such as UEFI variables and the state of an emulated TPM.

They travel in a cycle's header, packed when the target does not hold them yet, else only by their digest. In the
replica each lies once under its sha256, unpacked, so that a person can hand it to a plain QEMU. A file is durable
before anything names it, and goes when neither the newest cycle nor a recovery point names it any more.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backports import zstd

from . import errors
from .replica_files import sync_folder, write_durably
from .units import MiB

MOST_BYTES: Final = 4 * MiB
"""The most that all files of a machine may hold together."""
MOST_PACKED_BYTES: Final = 3 * MiB
"""The most that they may be in a header, which is one message of at most 4 MiB."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FirmwareFile:
    """One file. `name` is the fabric's ('nvram', 'tpm/tpm2-00.permall'); `packed` is its content as base64 of zstd,
    None where the reader holds it already."""

    name: str
    sha256: str
    size_bytes: int
    packed: str | None = None

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> FirmwareFile:
        """Raises KeyError or ValueError for what is no such file, or one that could lead out of its folder."""
        packed = body.get("packed")
        file = FirmwareFile(str(body["name"]), str(body["sha256"]), int(body["size_bytes"]), packed)
        if not _NAME.fullmatch(file.name) or not _SHA256.fullmatch(file.sha256):
            raise ValueError(f"{file.name!r} is no name of a firmware file")
        if not 0 <= file.size_bytes <= MOST_BYTES or not isinstance(packed, str | None):
            raise ValueError(f"firmware file {file.name} has {file.size_bytes} bytes")
        return file

    @property
    def record(self) -> FirmwareFile:
        """Without its content."""
        return dataclasses.replace(self, packed=None)


def from_header(value: object) -> tuple[FirmwareFile, ...] | None:
    """The files that a header names, None where it says nothing; raises KeyError or ValueError."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is no list of firmware files")
    return tuple(map(FirmwareFile.from_json, value))


def pack(files: Mapping[str, bytes], held: Collection[str]) -> tuple[FirmwareFile, ...]:
    """The files as a header carries them, in the order of their names; those whose sha256 is in `held` without their
    content. Raises FirmwareTooLarge."""
    size_bytes = sum(map(len, files.values()))
    if size_bytes > MOST_BYTES:
        raise _too_large(f"{size_bytes} bytes, more than the {MOST_BYTES} that travel")
    packed = tuple(_packed(name, files[name], held) for name in sorted(files))
    packed_bytes = sum(len(file.packed or "") for file in packed)
    if packed_bytes > MOST_PACKED_BYTES:
        raise _too_large(f"{packed_bytes} bytes when packed, more than the {MOST_PACKED_BYTES} that travel")
    return packed


def _packed(name: str, data: bytes, held: Collection[str]) -> FirmwareFile:
    sha256 = hashlib.sha256(data).hexdigest()
    content = None if sha256 in held else base64.b64encode(zstd.compress(data)).decode()
    return FirmwareFile(name, sha256, len(data), content)


def _too_large(how: str) -> errors.FirmwareTooLarge:
    return errors.FirmwareTooLarge(
        f"The firmware state has {how}.",
        do="Look which file grew; the recovery points keep the last state that was small enough.",
    )


def keep(folder: Path, files: Sequence[FirmwareFile]) -> tuple[FirmwareFile, ...]:
    """Make what the files carry durable in `folder`; gives their records. Raises CycleDamaged for content that is not
    what its digest says, CycleOutOfOrder for a file that neither is carried nor lies there."""
    for file in files:
        if file.packed is not None and not is_whole(folder / file.sha256):
            _write(folder / file.sha256, _unpacked(file))
    lacking = [file.name for file in files if lacks(folder, file)]
    if lacking:
        raise errors.CycleOutOfOrder(
            f"The cycle does not carry {', '.join(lacking)}, and the replica does not hold it.",
            do="Resynchronize the machine: its firmware state is sent again.",
        )
    return tuple(file.record for file in files)


def lay(folder: Path, kept: Path, cycles: Sequence[Sequence[FirmwareFile] | None]) -> None:
    """Lay the state at the end of these cycles into a new folder, by its names: what they carry, else from `kept`.
    Nothing if no cycle knows of any. Raises CycleOutOfOrder for what neither has, whole."""
    last = next((files for files in reversed(cycles) if files is not None), None)
    if last is None:
        return
    carried = {file.sha256: file for files in cycles for file in files or () if file.packed is not None}
    folder.mkdir()
    for file in last:
        path = folder / file.name
        path.parent.mkdir(exist_ok=True)
        write_durably(path, _content(kept / file.sha256, file, carried.get(file.sha256)))
    sync_folder(folder)


def _content(path: Path, file: FirmwareFile, carried: FirmwareFile | None) -> bytes:
    if carried is not None:
        return _unpacked(carried)
    if not is_whole(path):
        raise errors.CycleOutOfOrder(
            f"The firmware state {file.name} of that instant is no longer here.",
            do="Recover another instant.",
        )
    return path.read_bytes()


def laid(folder: Path) -> dict[str, Path]:
    """What `lay` left, by name."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def lacks(folder: Path, file: FirmwareFile) -> bool:
    """Whether the file must be sent: it does not lie there as it should."""
    try:
        return (folder / file.sha256).stat().st_size != file.size_bytes
    except FileNotFoundError:
        return True


def is_whole(path: Path) -> bool:
    """Whether a file still is what its name says."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    except OSError:
        return False


def _unpacked(file: FirmwareFile) -> bytes:
    try:
        packed = base64.b64decode(file.packed or "", validate=True)
        if zstd.get_frame_info(packed).decompressed_size != file.size_bytes:
            raise _damaged(file)  # before anything is allocated for it
        data = zstd.decompress(packed)
    except (binascii.Error, zstd.ZstdError) as problem:
        raise _damaged(file) from problem
    if (len(data), hashlib.sha256(data).hexdigest()) != (file.size_bytes, file.sha256):
        raise _damaged(file)
    return data


def _damaged(file: FirmwareFile) -> errors.CycleDamaged:
    return errors.CycleDamaged(
        f"The firmware file {file.name} of a cycle is not what its digest says.",
        do="Send the cycle again; if it repeats, check memory and network of both ends.",
    )


def _write(path: Path, data: bytes) -> None:
    if not path.parent.is_dir():  # a replica that an earlier release made
        path.parent.mkdir()
        sync_folder(path.parent.parent)
    write_durably(path, data)
