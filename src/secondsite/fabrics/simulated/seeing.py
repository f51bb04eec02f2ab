"""What a machine shows of itself: nothing, unless its traits say what its console says; then it has a screen too."""

from __future__ import annotations

import hashlib
import struct
import zlib

from ...domain import errors
from ..interface import PowerState
from ..seeing import FileSystem, Sights
from .host.faults import Faults
from .host.host import Host
from .host.records import MachineRecord

SIDE = 8


class SimulatedSeeing:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def sights(self, fabric_id: str) -> Sights:
        with self._faults.around("seeing.sights", fabric_id):
            traits = self._host.records.need(fabric_id).traits
            shows = bool(traits.shows)
            return Sights(agent=shows and traits.guest_agent, console=shows, screen=shows)

    def agent_answers(self, fabric_id: str) -> bool:
        with self._faults.around("seeing.agent_answers", fabric_id):
            record = self._shown(fabric_id)
            return record is not None and record.traits.guest_agent

    def console(self, fabric_id: str, most_bytes: int) -> bytes:
        with self._faults.around("seeing.console", fabric_id):
            record = self._shown(fabric_id)
            return b"" if record is None else record.traits.shows.encode()[-most_bytes:]

    def file_systems(self, fabric_id: str) -> tuple[FileSystem, ...]:
        with self._faults.around("seeing.file_systems", fabric_id):
            record = self._shown(fabric_id)
            if record is None or not record.traits.guest_agent:
                raise errors.FabricError("its guest agent does not answer")
            return tuple(
                FileSystem(path, "ext4", errors=count) for path, count in record.traits.mounts.items()
            )

    def screen(self, fabric_id: str) -> bytes | None:
        with self._faults.around("seeing.screen", fabric_id):
            record = self._shown(fabric_id)
            return None if record is None else _picture(record.traits.shows)

    def _shown(self, fabric_id: str) -> MachineRecord | None:
        """The record, if the machine runs and shows anything."""
        record = self._host.records.get(fabric_id)
        if record is None or self._host.state(record) is not PowerState.RUNNING or not record.traits.shows:
            return None
        return record


def _picture(text: str) -> bytes:
    """A small PNG of one colour, which the text decides."""
    line = b"\0" + hashlib.sha256(text.encode()).digest()[:3] * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(line * SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
