"""A machine's firmware state: small files beside its disks, such as UEFI variables and the state of an
emulated TPM.

They travel in a cycle's header: packed if the target lacks them, else only as digests. How a replica
stores them: see firmware_store."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backports import zstd

from ...ground.units import MiB
from .. import errors
from . import header_checks

MOST_BYTES: Final = 4 * MiB
"""The most bytes that all files of a machine may have together."""
MOST_PACKED_BYTES: Final = 3 * MiB
"""The most bytes that they may take in a header, which is one message of at most 4 MiB."""
MOST_FILES: Final = 256
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FirmwareFile:
    """One file. `name` is the fabric's ('nvram', 'tpm/tpm2-00.permall'); `packed` is its content as base64 of
    zstd, None if the reader has it already. In a replica's record `sha256` is the name that the file is
    stored under; in an encrypted replica that is not the digest of the content."""

    name: str
    sha256: str
    size_bytes: int
    packed: str | None = None

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> FirmwareFile:
        """The file of a JSON object. Raises KeyError or ValueError for anything else, and for a name that
        could lead out of its folder."""
        name, sha256, packed = body["name"], body["sha256"], body.get("packed")
        if not _matches(_NAME, name) or not _matches(_SHA256, sha256):
            raise ValueError(f"{header_checks.shown(name)} is not the name of a firmware file")
        if not isinstance(packed, str | None):
            raise ValueError(f"the content of firmware file {name} is not text")
        try:
            size_bytes = header_checks.natural(body["size_bytes"], MOST_BYTES)
        except ValueError as problem:
            raise ValueError(f"the size of firmware file {name}: {problem}") from None
        return FirmwareFile(name, sha256, size_bytes, packed)

    @property
    def record(self) -> FirmwareFile:
        """The same file without its content."""
        return dataclasses.replace(self, packed=None)


def from_header(value: object) -> tuple[FirmwareFile, ...] | None:
    """The files that a header names, None if it says nothing of them; raises KeyError or ValueError."""
    if value is None:
        return None
    files = tuple(
        FirmwareFile.from_json(header_checks.mapping(each))
        for each in header_checks.sequence(value, MOST_FILES)
    )
    if (
        len({file.name for file in files}) != len(files)
        or sum(file.size_bytes for file in files) > MOST_BYTES
    ):
        raise ValueError(f"the firmware has a file twice, or more than {MOST_BYTES} bytes")
    return files


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def pack(files: Mapping[str, bytes], known: Collection[str]) -> tuple[FirmwareFile, ...]:
    """The files as a header carries them, in the order of their names; those whose sha256 is in `known`
    without their content. Raises FirmwareTooLarge."""
    size_bytes = sum(map(len, files.values()))
    if size_bytes > MOST_BYTES:
        raise _too_large(f"{size_bytes} bytes, more than the {MOST_BYTES} that travel")
    packed = tuple(_packed(name, files[name], known) for name in sorted(files))
    packed_bytes = sum(len(file.packed or "") for file in packed)
    if packed_bytes > MOST_PACKED_BYTES:
        raise _too_large(f"{packed_bytes} bytes when packed, more than the {MOST_PACKED_BYTES} that travel")
    return packed


def _packed(name: str, data: bytes, known: Collection[str]) -> FirmwareFile:
    sha256 = hashlib.sha256(data).hexdigest()
    content = None if sha256 in known else base64.b64encode(zstd.compress(data)).decode()
    return FirmwareFile(name, sha256, len(data), content)


def _too_large(how: str) -> errors.FirmwareTooLarge:
    return errors.FirmwareTooLarge(
        f"The firmware state has {how}.",
        do="See which file grew; recovery points keep the last state that was small enough.",
    )


def unpacked(file: FirmwareFile) -> bytes:
    """The content that the file carries; raises CycleDamaged if it does not match its digest."""
    try:
        packed = base64.b64decode(file.packed or "", validate=True)
        if zstd.get_frame_info(packed).decompressed_size != file.size_bytes:
            raise _damaged(file)  # before anything is allocated for it
        # One frame, and no further ones behind it, of which nothing is said before.
        data = zstd.ZstdDecompressor().decompress(packed, max_length=file.size_bytes + 1)
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
