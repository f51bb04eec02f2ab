"""Bytes on the wire against the compressed size of the 4 KiB blocks that changed: the database load."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import loads, wire


def measure() -> Figure:
    return wire.figure("wire_bytes_database", loads.database)
