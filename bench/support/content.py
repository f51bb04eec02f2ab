"""Content for disks: half of it compresses away, no two blocks are alike."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from secondsite.ground.units import KiB, MiB

BLOCK_BYTES = 64 * KiB


def half_compressible(size_bytes: int, seed: int = 1) -> bytes:
    """`size_bytes` (a multiple of 64 KiB): in every 4 KiB, half noise and half a repeated word."""
    rng = random.Random(seed)
    quiet = b"same" * (KiB // 2)
    return b"".join(rng.randbytes(2 * KiB) + quiet for _ in range(size_bytes // (4 * KiB)))


def noise(size_bytes: int, seed: int = 1) -> bytes:
    """What no compression helps with."""
    return random.Random(seed).randbytes(size_bytes)


def fill(disk: Path, size_bytes: int, of: Callable[[int, int], bytes] = half_compressible) -> None:
    """Make the qcow2 file `disk` anew, full of such data."""
    with tempfile.NamedTemporaryFile(dir=disk.parent, suffix=".raw") as raw:
        for number in range(size_bytes // (16 * MiB)):
            raw.write(of(16 * MiB, number))
        raw.flush()
        command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", raw.name, str(disk)]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
    subprocess.run(["sync", "-f", str(disk.parent)], check=True, timeout=120)
