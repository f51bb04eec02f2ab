"""Receives frames in one thread while another writes earlier ones.

One side waits for the network, the other for the storage daemon: in one thread the two waits would add up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

from ...ground import threads
from ..frames import Frame

AHEAD: Final = 8
"""Frames, of a chunk each, between the two threads."""


class ReadAhead:
    """Iterate it inside `with`. Leaving waits for the thread, which ends after the item that it reads."""

    def __init__(self, content: Iterator[list[Frame]]) -> None:
        self._content = content
        self._queue: queue.Queue[list[Frame] | BaseException | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threads.worker("receive-frames", self._read)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()  # bounded by the connection's own deadline

    def __iter__(self) -> Iterator[Frame]:
        """The frames; raises the error that ended them early."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield from item

    def _read(self) -> None:
        try:
            for frames in self._content:
                self._put(frames)
                if self._stop.is_set():
                    return
            self._put(None)
        except BaseException as problem:  # it belongs to the other thread
            self._put(problem)

    def _put(self, item: list[Frame] | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
