"""The conversation with one backup, from before its instant to its end.

Whoever hangs up first ends the backup: the plugin fails it, and Proxmox VE takes everything away that it made
for it. So a dead appliance leaves nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping

from ....ground import threads
from ..errors import PveAway, plain
from .words import MOST_BYTES

ANSWER_SECONDS = 30.0
"""For the plugin to say something that takes it no time."""
GOING_SECONDS = 5.0
"""How often the plugin is told that the disks are still being read."""


class Line:
    """Used by one thread, but `fail` by any."""

    def __init__(self, talk: socket.socket) -> None:
        self._talk, self._rest = talk, b""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._going: threads.Worker | None = None

    def heard(self, seconds: float) -> bytes:
        """The next line, without its end. Raises PveAway."""
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._rest += self._part(until)
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    @property
    def is_ended(self) -> bool:
        """Whether the end was told, by whomever."""
        return self._ended.is_set()

    def answer(self, what: Mapping[str, object]) -> None:
        """Raises PveAway."""
        with self._lock:
            self._send(what)

    def keep_going(self, look: Callable[[], object]) -> None:
        """Tells the plugin from now on that the disks are still being read, and calls `look` as often."""
        self._going = threads.worker("pve-cycle", self._tell_going, look)
        self._going.start()

    def done(self) -> None:
        """All was read, and the marks may begin anew. Raises PveAway if the backup has ended before that."""
        self._end({"done": True})

    def fail(self, why: str) -> None:
        """Ends the backup, so that the marks of before stay; harmless if it has ended. Waits for nothing."""
        with contextlib.suppress(PveAway):
            self._end({"failed": plain(why)})

    def close(self) -> None:
        self._ended.set()
        if self._going is not None:
            threads.have_ended([self._going], ANSWER_SECONDS)
        self._talk.close()

    def _end(self, what: Mapping[str, object]) -> None:
        with self._lock:
            if self._ended.is_set():
                raise PveAway("The view of the machine was given up.")
            self._ended.set()
            self._send(what)

    def _send(self, what: Mapping[str, object]) -> None:
        self._talk.settimeout(ANSWER_SECONDS)
        try:
            self._talk.sendall(json.dumps(what).encode() + b"\n")
        except OSError as problem:
            raise _broke(plain(problem)) from None

    def _part(self, until: float) -> bytes:
        self._talk.settimeout(max(0.001, until - time.monotonic()))
        try:
            part = self._talk.recv(MOST_BYTES)
        except OSError as problem:
            raise _broke(plain(problem)) from None
        if not part or len(self._rest) > MOST_BYTES:
            raise _broke("it hung up" if not part else "it says too much")
        return part

    def _tell_going(self, look: Callable[[], object]) -> None:
        while not self._ended.wait(GOING_SECONDS):
            look()
            with self._lock, contextlib.suppress(PveAway):
                if not self._ended.is_set():
                    self._send({"going": True})


def _broke(why: str) -> PveAway:
    return PveAway(
        f"The backup that shows the machine's disks is gone: {why}.",
        do="Look at the node's task log; the cycle is tried again by itself.",
    )
