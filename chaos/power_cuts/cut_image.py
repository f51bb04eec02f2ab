"""A disk as a power cut leaves it: all that was flushed, and any part of what was written since."""

import random
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from chaos.power_cuts.write_log import Request

SECTOR = 512
"""What a disk writes whole or not at all."""


class CutImages:
    """Makes the images of cuts of one recorded disk, one after the other, from earlier to later ones."""

    def __init__(self, base: Path, log: Path, requests: Sequence[Request], folder: Path) -> None:
        self._log, self._requests = log, requests
        self._durable = folder / "durable.img"
        self._folder = folder
        self.cut = folder / "cut-0.img"
        """The newest cut."""
        self._number = 0
        self.flushed = 0
        """How many requests the last flush before the newest cut covers."""
        _copy(base, self._durable)

    def make(self, count: int, chance: random.Random | None) -> Path:
        """The disk cut after the first `count` requests. `chance` chooses which sectors of the writes
        since the last flush are there; None: no one. Raises ValueError for an earlier cut than the last
        one."""
        since = self._last_flush(count)
        if since < self.flushed:
            raise ValueError("cuts are made from earlier to later ones")
        with self._log.open("rb") as log, self._durable.open("r+b") as image:
            _apply(log, image, self._requests[self.flushed : since])
        self.flushed = since
        self._begin_cut()
        with self._log.open("rb") as log, self.cut.open("r+b") as image:
            _apply_some(log, image, self._requests[since:count], chance)
        return self.cut

    def _begin_cut(self) -> None:
        """A file of its own for each: a loop device that is not gone yet has pages of the one before."""
        self.cut.unlink(missing_ok=True)
        self._number += 1
        self.cut = self._folder / f"cut-{self._number}.img"
        _copy(self._durable, self.cut)

    def _last_flush(self, count: int) -> int:
        """How many requests lie before the last flush among the first `count`."""
        return next((n for n in range(count, 0, -1) if self._requests[n - 1].is_flush), 0)


def _apply(log: BinaryIO, image: BinaryIO, requests: Iterable[Request]) -> None:
    for request in requests:
        if request.is_discard:
            continue  # a disk may keep what it was told to forget
        log.seek(request.data_at)
        image.seek(request.place)
        image.write(log.read(request.ends - request.data_at))


def _apply_some(
    log: BinaryIO, image: BinaryIO, requests: Iterable[Request], chance: random.Random | None
) -> None:
    for request in requests:
        if request.is_durable or (chance is not None and chance.random() < 0.4):
            _apply(log, image, [request])
        elif chance is not None and chance.random() < 0.3:
            _apply_torn(log, image, request, chance)


def _apply_torn(log: BinaryIO, image: BinaryIO, request: Request, chance: random.Random) -> None:
    for offset in range(0, request.ends - request.data_at, SECTOR):
        if chance.random() < 0.5:
            log.seek(request.data_at + offset)
            image.seek(request.place + offset)
            image.write(log.read(SECTOR))


def _copy(source: Path, target: Path) -> None:
    words = ["cp", "--sparse=always", "--reflink=auto", str(source), str(target)]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
