"""Asks the target what it holds of a machine, between cycles.

    DIGESTS with the header of the next cycle > digests

The header shows who asks, and on which cycle it builds: it is judged as if it were offered."""

from __future__ import annotations

from ..channel import Connection, Message
from ..cycles import CycleHeader
from ..errors import CycleRefused
from ..extents import BLOCK_BYTES, DIGEST_BYTES, Extent
from . import compare
from .admission import CycleAdmission
from .incoming_cycle import IncomingCycle


def ask(connection: Connection, header: CycleHeader, index: int, region: Extent) -> bytes:
    """The digests of the blocks of a region of the header's n-th disk, with all applied that the target has
    received. Raises PeerRefused with the target's code, PeerSilent, PeerUnreachable."""
    connection.between_cycles = False
    connection.send_message(
        "DIGESTS", header=header.to_json(), disk=index, offset=region.offset, length=region.length
    )
    found = compare.answer(connection, -(-region.length // BLOCK_BYTES) * DIGEST_BYTES)
    connection.between_cycles = True
    return found


def answer(connection: Connection, question: Message, header: CycleHeader, admission: CycleAdmission) -> None:
    """Answer it. Raises DatapathError; CycleRefused where such a cycle would not be taken."""
    if admission.accept(connection.peer_name, header).already:
        raise CycleRefused(
            "out-of-order",
            f"Cycle {header.seq} came already.",
            do="Nothing: the next cycle finds out.",
        )
    IncomingCycle(connection, header, admission).answer(question)
