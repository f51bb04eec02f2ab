"""Content that compresses to nothing smaller."""

import os
import random


def noise(count: int, seed: int | None = None) -> bytes:
    """This many random bytes; the same ones for the same seed."""
    return os.urandom(count) if seed is None else random.Random(seed).randbytes(count)
