"""A cycle at rest: one file that holds a header, the frames as they came over the wire, and a trailer.

    magic, 12 bytes | BEGIN message with the header | data frames | END message with count and digest

`<epoch>-<seq>.cycle` exists only when it is complete and durable: it is written under another name, fsynced,
renamed (see inbox). For an encrypted replica all of it is inside an encrypted file (see encrypted_file).
"""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import xxhash

from ...ground import durable, full_disk
from ...ground.plural import counted
from ...ground.units import MiB
from ..channel import Message, ReceivedFrame, messages
from ..encryption import FileKey, encrypted_file
from ..errors import CycleDamaged, DatapathError, ProtocolViolated
from ..frames import EncodedFrame, Frame, packed_frame
from ..frames import frame as frames
from . import firmware, header_checks, inbox
from .firmware import FirmwareFile

MAGIC: Final = b"SScycle\x00\x02\x00\x00\x00"
READABLE: Final = (MAGIC, b"SScycle\x00\x01\x00\x00\x00")
"""Magic bytes of the versions that are read. Version 2 may hold packed frames; files of version 1 in an inbox
are still applied."""
_FLUSH_BYTES: Final = 256 * MiB
_LONGEST_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class CycleDisk:
    """A disk of the machine: the key that both sites know it by, and its size at the cycle's instant."""

    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MissedSince:
    """The source's tracking missed a write: points of this epoch whose cycle has a higher number than `seq`
    may lack it. `found_at`, an instant as in the header, tells it from another one."""

    found_at: str
    seq: int


@dataclass(frozen=True, slots=True)
class CycleHeader:
    """What a cycle is. (machine_id, epoch, seq) names it; a seq is never used twice.

    `base_seq` is the last acknowledged cycle that this one builds on, None for a full copy. `taken_at` is the
    instant of the data, ISO 8601 UTC. With `point` the target seals a recovery point after applying it.
    `firmware` is the machine's firmware state; None when nothing is known of it: the replica then keeps what
    it has. The disks in `apart` are still being copied for the first time: no point has them yet, and none
    waits for them. `missed`: until a point without it has arrived.
    """

    machine_id: str
    epoch: int
    seq: int
    base_seq: int | None
    taken_at: str
    disks: tuple[CycleDisk, ...]
    point: dict[str, Any] | None = None
    sync: dict[str, Any] | None = None
    firmware: tuple[FirmwareFile, ...] | None = None
    apart: tuple[str, ...] = ()
    missed: MissedSince | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**dataclasses.asdict(self), "disks": [dataclasses.asdict(disk) for disk in self.disks]}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> CycleHeader:
        """The header in a BEGIN or OFFER message. Raises ProtocolViolated if a field is missing or has a
        value that is not allowed."""
        try:
            return _header_of(header_checks.mapping(fields))
        except (KeyError, TypeError, ValueError) as problem:
            raise ProtocolViolated(
                f"a cycle's header is not understood: {repr(problem)[:_LONGEST_SHOWN]}",
                do=(
                    "run the same release at both ends; if they do, somebody else may speak for the source's "
                    "appliance"
                ),
            ) from None


def _header_of(fields: dict[str, Any]) -> CycleHeader:
    base_seq, point, sync = fields["base_seq"], fields.get("point"), fields.get("sync")
    return CycleHeader(
        machine_id=header_checks.name(fields["machine_id"]),
        epoch=header_checks.natural(fields["epoch"]),
        seq=header_checks.natural(fields["seq"]),
        base_seq=None if base_seq is None else header_checks.natural(base_seq),
        taken_at=header_checks.instant(fields["taken_at"]),
        disks=_disks_of(header_checks.sequence(fields["disks"], header_checks.MOST_DISKS)),
        point=None if point is None else header_checks.point(point),
        sync=None if sync is None else header_checks.passes(sync),
        firmware=firmware.from_header(fields.get("firmware")),
        apart=tuple(
            map(header_checks.name, header_checks.sequence(fields.get("apart", ()), header_checks.MOST_DISKS))
        ),
        missed=_missed_of(fields.get("missed")),
    )


def _missed_of(value: Any) -> MissedSince | None:
    if value is None:
        return None
    body = header_checks.mapping(value)
    return MissedSince(header_checks.instant(body["found_at"]), header_checks.natural(body["seq"]))


def _disks_of(values: Sequence[Any]) -> tuple[CycleDisk, ...]:
    disks = tuple(_disk_of(header_checks.mapping(value)) for value in values)
    if len({disk.key for disk in disks}) != len(disks):
        raise ValueError("a disk is named twice")
    return disks


def _disk_of(body: dict[str, Any]) -> CycleDisk:
    return CycleDisk(
        header_checks.name(body["key"]),
        header_checks.natural(body["size_bytes"], header_checks.LARGEST_DISK_BYTES),
    )


class CycleWriter:
    """A cycle file in the making. It becomes visible only by `commit`; `discard` removes it."""

    def __init__(
        self,
        inbox_dir: Path,
        header: CycleHeader,
        free_space: full_disk.FreeSpace = full_disk.nothing_to_free,
        key: FileKey | None = None,
    ) -> None:
        """Encrypted with `key`, if one is given. Raises OSError, as all its methods do; the caller decides
        what a full disk means."""
        self._free_space = free_space
        self._final = inbox.path_of(inbox_dir, header.epoch, header.seq)
        self._part = inbox_dir / f".{header.epoch}-{header.seq}.{secrets.token_hex(4)}.part"
        self._file: BinaryIO = open(self._part, "xb", buffering=0)  # noqa: SIM115
        self._digest = xxhash.xxh3_128()
        self._flushed_bytes = 0
        self.frames = 0
        self.file_bytes = 0
        self._encrypted: encrypted_file.EncryptedWriter | None = None
        try:
            if key is not None:
                self._encrypted = encrypted_file.EncryptedWriter(self._write, key)
            self._put(MAGIC)
            self._put_message("BEGIN", header.to_json())
        except OSError:
            self.discard()
            raise

    @property
    def digest(self) -> str:
        """xxh3-128 over the headers of all frames so far, which hold the digests of their payloads."""
        return self._digest.hexdigest()

    def add(self, received: ReceivedFrame) -> None:
        """Append a data frame that the caller has verified."""
        self._put(received.head)
        self._put(received.payload)
        self._digest.update(received.head)
        self.frames += 1
        if self.file_bytes - self._flushed_bytes > _FLUSH_BYTES:
            # Written in portions, so that the last one does not keep the peer waiting.
            durable.sync_data(self._file.fileno())
            self._flushed_bytes = self.file_bytes

    def commit(self) -> Path:
        """Make it durable and visible; returns its path."""
        self._put_message("END", {"frames": self.frames, "digest": self.digest})
        if self._encrypted is not None:
            self._encrypted.finish()
        durable.sync(self._file)
        self._file.close()
        os.rename(self._part, self._final)
        durable.sync_folder(self._final.parent)
        return self._final

    def discard(self) -> None:
        """Remove it; harmless after `commit`."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _put_message(self, name: str, fields: dict[str, Any]) -> None:
        message = messages.encode(name, fields)
        self._put(message.head)
        self._put(message.payload)

    def _put(self, data: bytes | bytearray | memoryview) -> None:
        if self._encrypted is None:
            self._write(data)
        else:
            self._encrypted.write(data)
        self.file_bytes += len(data)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[full_disk.write(self._file, view, self._free_space) :]


def write(
    inbox_dir: Path, header: CycleHeader, encoded: Iterator[EncodedFrame], key: FileKey | None = None
) -> Path:
    """A durable cycle file from frames made here: for journals, seeds and tests."""
    writer = CycleWriter(inbox_dir, header, key=key)
    try:
        for frame in encoded:
            writer.add(ReceivedFrame(frames.unpack(frame.head), frame.head, frame.payload))
        return writer.commit()
    finally:
        writer.discard()


# -- reading -----------------------------------------------------------------------------------------------


def read(path: Path, key: FileKey | None = None) -> tuple[CycleHeader, Iterator[Frame]]:
    """The header, and the frames as they are iterated, each verified; raises CycleDamaged, then or now. An
    encrypted file is opened with `key`; raises KeyMissing, KeyWrong."""
    with encrypted_file.content(path, key) as file:
        header = _header(file, path)
        frames_at = file.tell()
    return header, _frames(path, frames_at, key)


def verify(path: Path, key: FileKey | None = None) -> CycleHeader:
    """Read all of it; raises CycleDamaged, KeyMissing, KeyWrong."""
    header, content = read(path, key)
    for _frame in content:
        pass
    return header


def _header(file: encrypted_file.Readable, path: Path) -> CycleHeader:
    if file.read(len(MAGIC)) not in READABLE:
        raise _damaged(path, 0, "it does not begin like a cycle file")
    begin = _message(_next(file, path), path, len(MAGIC))
    if begin.name != "BEGIN":
        raise _damaged(path, len(MAGIC), "it has no header")
    try:
        return CycleHeader.from_json(begin.fields)
    except DatapathError as problem:
        raise _damaged(path, len(MAGIC), problem.message) from None


def _frames(path: Path, at: int, key: FileKey | None) -> Iterator[Frame]:
    running, count = xxhash.xxh3_128(), 0
    with encrypted_file.content(path, key) as file:
        file.seek(at)
        while (received := _next(file, path)).header.kind in frames.CONTENT:
            yield from _verified(received, path, at)
            running.update(received.head)
            count += 1
            at = file.tell()
    if _message(received, path, at) != Message("END", {"frames": count, "digest": running.hexdigest()}):
        raise _damaged(path, at, f"its trailer does not match its {counted(count, 'frame')}")


def _verified(received: ReceivedFrame, path: Path, at: int) -> list[Frame]:
    try:
        return packed_frame.decode(received.header, received.payload)
    except DatapathError as problem:
        raise _damaged(path, at, problem.message) from None


def _message(received: ReceivedFrame, path: Path, at: int) -> Message:
    try:
        return messages.decode(received)
    except DatapathError as problem:
        raise _damaged(path, at, problem.message) from None


def _next(file: encrypted_file.Readable, path: Path) -> ReceivedFrame:
    at = file.tell()
    head = file.read(frames.HEAD_BYTES)
    if len(head) < frames.HEAD_BYTES:
        raise _damaged(path, at, "it ends too early")
    try:
        header = frames.unpack(head)
    except DatapathError as problem:
        raise _damaged(path, at, problem.message) from None
    payload = file.read(header.payload_length)
    if len(payload) < header.payload_length:
        raise _damaged(path, at, "it ends in the middle of a frame")
    return ReceivedFrame(header, head, payload)


def _damaged(path: Path, offset: int, what: str) -> CycleDamaged:
    return CycleDamaged(
        f"cycle file {path} is damaged at byte {offset}: {what}",
        do="check the store's disk, remove the file and resynchronize the machine",
    )
