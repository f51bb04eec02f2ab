"""The record of a digest cache: which cycle it speaks of, and what the running one may touch.

    "2ndDCREC" | version u32 | length u32 | xxh3-128 of the body | body, JSON

It is written in place, one sync a cycle; a torn one does not match its digest and counts as none.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xxhash

from ...ground.durable import sync_data
from ..extents import Extent

_HEAD: Final = struct.Struct("<8sII16s")
_MAGIC: Final = b"2ndDCREC"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """`last_seq` is the acknowledged cycle that the digests speak of, `attempt` the last one that was begun, `intent`
    what it may have touched, by disk key."""

    epoch: int
    last_seq: int | None
    attempt: int
    intent: Mapping[str, list[Extent]]

    def fits(self, epoch: int, last_seq: int | None, next_seq: int) -> bool:
        """Whether the cache followed every cycle of the source up to this one. Without its intent's pages it holds
        for the acknowledged cycle and for the attempted one alike."""
        followed = next_seq - 1 <= self.attempt <= next_seq
        return epoch == self.epoch and last_seq in (self.last_seq, self.attempt) and followed


def load(path: Path) -> Record | None:
    """The record; None if there is none that is whole."""
    try:
        data = path.read_bytes()
        magic, version, length, digest = _HEAD.unpack_from(data)
    except (FileNotFoundError, struct.error):
        return None
    body = data[_HEAD.size : _HEAD.size + length]
    if (magic, version) != (_MAGIC, _VERSION) or xxhash.xxh3_128_digest(body) != digest:
        return None
    said = json.loads(body)
    intent = {key: [Extent(*pair) for pair in pairs] for key, pairs in said["intent"].items()}
    return Record(said["epoch"], said["last_seq"], said["attempt"], intent)


def save(record: Record, path: Path, durable: bool) -> None:
    """Write it in place; it survives a power cut when this returns, if `durable`. Raises OSError."""
    said = {
        "epoch": record.epoch, "last_seq": record.last_seq, "attempt": record.attempt,
        "intent": {key: [(each.offset, each.length) for each in found] for key, found in record.intent.items()},
    }  # fmt: skip
    body = json.dumps(said, separators=(",", ":")).encode()
    data = memoryview(_HEAD.pack(_MAGIC, _VERSION, len(body), xxhash.xxh3_128_digest(body)) + body)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        at = 0
        while at < len(data):
            at += os.pwrite(file, data[at:], at)
        if durable:
            sync_data(file)
    finally:
        os.close(file)
