"""Frames taken off the wire by a thread of their own, while another writes those before them.

Decrypting and digesting on one side, writing to the storage daemon on the other: each waits for another process, and
in one thread the two waits would add up.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

from .frames import Frame

AHEAD: Final = 8
"""Frames, of a chunk each, between the two threads."""


class Ahead:
    """Iterate it inside `with`: leaving waits for the thread, which ends with the item that it is reading."""

    def __init__(self, content: Iterator[list[Frame]]) -> None:
        self._content = content
        self._queue: queue.Queue[list[Frame] | BaseException | None] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="receive-frames", daemon=True)

    def __enter__(self) -> Ahead:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()  # bounded by the connection's own deadline

    def __iter__(self) -> Iterator[Frame]:
        """The frames; raises what ended them too early."""
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
