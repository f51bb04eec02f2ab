"""What a guest of a simulated machine does with its disk, in pieces that no request is too long for."""

from pathlib import Path

from secondsite.fabrics import simulated
from secondsite.ground.units import MiB

PIECE_BYTES = 4 * MiB


def write(root: Path, fabric_id: str, offset: int, data: bytes, key: str = "vda") -> None:
    """Write to a running machine of the host at `root`, and flush."""
    with simulated.Guest(root, fabric_id) as guest:
        for at in range(0, len(data), PIECE_BYTES):
            guest.write(key, offset + at, data[at : at + PIECE_BYTES])
        guest.flush(key)


def read(root: Path, fabric_id: str, key: str = "vda") -> bytes:
    """The whole disk."""
    with simulated.Guest(root, fabric_id) as guest:
        size = guest.size_bytes(key)
        places = range(0, size, PIECE_BYTES)
        return b"".join(guest.read(key, at, min(PIECE_BYTES, size - at)) for at in places)
