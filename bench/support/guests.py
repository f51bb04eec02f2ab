"""Guests of many simulated machines that write at a steady pace, all in one process of their own: as little
processor as may be, and none of it taken from who measures.

`python -m bench.support.guests ROOT PAGES FABRIC_ID...` writes until its standard input ends.
"""

from __future__ import annotations

import random
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.support import content
from rig import processes
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB

PAGE_BYTES = 4 * KiB
RUN_BYTES = 64 * KiB
TURN_SECONDS = 0.25
PAGES_A_TURN = 48
"""Scattered writes of 4 KiB: three quarters of 1 MiB/s; one run of 64 KiB a turn is the sequential
quarter."""
FLUSH_TURNS = 4


class Guests:
    """They write inside the context, each 1 MiB/s; with fewer pages a turn, those alone."""

    def __init__(self, root: Path, fabric_ids: Sequence[str], pages_a_turn: int = PAGES_A_TURN) -> None:
        self._words = [str(root), str(pages_a_turn), *fabric_ids]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.support.guests", *self._words],
            stdin=subprocess.PIPE,
            env=processes.environment(),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    @property
    def writing(self) -> bool:
        """False once a guest met an error: then what is measured is no load."""
        return self._process.poll() is None


class _Guest:
    def __init__(self, root: Path, pages_a_turn: int, fabric_id: str) -> None:
        self._guest = simulated.Guest(root, fabric_id)
        self._pages_a_turn = pages_a_turn
        self._random = random.Random(fabric_id)
        self._pages = self._guest.size_bytes("vda") // PAGE_BYTES
        self._runs = self._guest.size_bytes("vda") // RUN_BYTES
        self._run = 0
        self._text = content.half_compressible(RUN_BYTES, self._random.randrange(1 << 30))

    def turn(self, number: int) -> None:
        stamp = self._random.randbytes(16)
        for _ in range(self._pages_a_turn):
            start = self._random.randrange(RUN_BYTES // PAGE_BYTES) * PAGE_BYTES
            page = stamp + self._text[start + 16 : start + PAGE_BYTES]
            self._guest.write("vda", self._random.randrange(self._pages) * PAGE_BYTES, page)
        if self._pages_a_turn == PAGES_A_TURN:
            self._run = (self._run + 1) % self._runs
            self._guest.write("vda", self._run * RUN_BYTES, stamp + self._text[16:])
        if number % FLUSH_TURNS == 0:
            self._guest.flush("vda")


def main() -> int:
    guests = [_Guest(Path(sys.argv[1]), int(sys.argv[2]), fabric_id) for fabric_id in sys.argv[3:]]
    due, number = time.monotonic(), 0
    try:
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            for guest in guests:
                guest.turn(number)
            due, number = max(due + TURN_SECONDS, time.monotonic() - 1), number + 1
    except errors.SecondsiteError as error:
        print(f"a guest met an error: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
