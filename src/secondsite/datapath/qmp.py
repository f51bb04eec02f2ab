"""Speak QMP, QEMU's control protocol: one JSON object per line over a unix socket.

One command is in flight at a time; events that arrive meanwhile are kept for whoever waits for them.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import errors

Message = dict[str, Any]
KEPT_EVENTS = 1000


class QmpRefused(errors.DatapathError):
    """The daemon understood the command and refused it; `kind` is QEMU's error class."""

    code = "storage-daemon-refused"

    def __init__(self, message: str, *, do: str, kind: str) -> None:
        super().__init__(message, do=do)
        self.kind = kind


class QmpClient:
    """A connection to one QMP socket. Safe for several threads; every call has a deadline."""

    def __init__(self, path: Path, deadline_seconds: float = 10.0) -> None:
        """Connect and leave the negotiation mode; raises StorageDaemonGone."""
        self._lock = threading.Lock()
        self._buffer = b""
        self._events: deque[Message] = deque(maxlen=KEPT_EVENTS)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(deadline_seconds)
        try:
            self._socket.connect(str(path))
            self._until(lambda message: "QMP" in message, time.monotonic() + deadline_seconds)
            self.command("qmp_capabilities", deadline_seconds=deadline_seconds)
        except OSError as error:
            self._socket.close()
            raise _gone(f"no QMP at {path}: {error}") from error
        except errors.DatapathError:
            self._socket.close()
            raise

    def command(self, name: str, arguments: Message | None = None, *, deadline_seconds: float = 60.0) -> Any:
        """What the daemon returns; raises QmpRefused, or StorageDaemonGone when it is dead or silent."""
        line = json.dumps({"execute": name, "arguments": arguments or {}}).encode() + b"\n"
        with self._lock:
            try:
                self._socket.settimeout(deadline_seconds)
                self._socket.sendall(line)
                answer = self._until(_is_answer, time.monotonic() + deadline_seconds)
            except OSError as error:
                self._socket.close()
                raise _gone(f"'{name}' got no answer: {error}") from error
        if "error" in answer:
            raise _refused(name, answer["error"])
        return answer["return"]

    def wait_event(self, matches: Callable[[Message], bool], deadline_seconds: float = 60.0) -> Message:
        """The first event, kept or new, that `matches`; raises StorageDaemonGone at the deadline."""
        with self._lock:
            for event in self._events:
                if matches(event):
                    self._events.remove(event)
                    return event
            try:
                return self._until(
                    lambda message: "event" in message and matches(message),
                    time.monotonic() + deadline_seconds,
                )
            except OSError as error:
                raise _gone(f"an awaited event did not come: {error}") from error

    def close(self) -> None:
        self._socket.close()

    def _until(self, wanted: Callable[[Message], bool], deadline: float) -> Message:
        while True:
            message = self._receive(deadline)
            if wanted(message):
                return message
            if "event" in message:
                self._events.append(message)

    def _receive(self, deadline: float) -> Message:
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline has passed")
            self._socket.settimeout(left)
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError("the daemon closed the connection")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: Message = json.loads(line)
        return message


def _is_answer(message: Message) -> bool:
    return "return" in message or "error" in message


def _gone(what: str) -> errors.StorageDaemonGone:
    return errors.StorageDaemonGone(
        f"The storage daemon is gone: {what}", do="Repeat the operation: the daemon is started again."
    )


def _refused(name: str, error: Message) -> errors.DatapathError:
    text = error.get("desc", "no reason given")
    if "No space left on device" in text:
        return errors.StoreFull(
            f"The storage daemon found no room during '{name}': {text}",
            do="Free space on the store's file system or drop recovery points, then repeat.",
        )
    return QmpRefused(
        f"The storage daemon refused '{name}': {text}",
        do="Check that no other program uses the image and that its file is whole ('qemu-img check').",
        kind=error.get("class", "GenericError"),
    )
