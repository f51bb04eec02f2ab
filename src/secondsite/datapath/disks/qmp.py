"""Speaks QMP, QEMU's control protocol: one JSON object per line over a unix socket.

One command is in flight at a time; events that arrive meanwhile are kept for whoever waits for them.
Every command has its own number, because a daemon sends the answer for a client that left to the next client.
"""

from __future__ import annotations

import itertools
import json
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...ground import full_disk
from .. import errors

Message = dict[str, Any]
KEPT_EVENTS = 1000


class QmpClient:
    """A connection to one QMP socket. Safe for several threads; every call has a deadline."""

    def __init__(self, path: Path, deadline_seconds: float = 10.0) -> None:
        """Connect and leave the negotiation mode; raises StorageDaemonGone."""
        self._lock = threading.Lock()
        client = secrets.token_hex(6)
        self._numbers = (f"{client}.{number}" for number in itertools.count(1))
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
        """The result of one command; raises QmpRefused, or StorageDaemonGone if the daemon is dead or
        silent."""
        with self._lock:
            number = next(self._numbers)
            line = _line(name, arguments, number)
            try:
                self._socket.settimeout(deadline_seconds)
                self._socket.sendall(line)
                answer = self._until(
                    lambda message: _answers(message, number), time.monotonic() + deadline_seconds
                )
            except OSError as error:
                self._socket.close()
                raise _gone(f"'{name}' got no answer: {error}") from error
        if "id" not in answer:
            self._socket.close()
            raise _gone(f"it could not read '{name}': {answer['error'].get('desc')}")
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


def _line(name: str, arguments: Message | None, number: str) -> bytes:
    """A command as one line. QEMU reads it with four system calls per byte, so it has no superfluous ones."""
    said = {"execute": name, **({"arguments": arguments} if arguments else {}), "id": number}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _answers(message: Message, number: str) -> bool:
    """Whether the message ends the wait for this command. An error without a number is about a line that
    is no command."""
    return message.get("id") == number or ("error" in message and "id" not in message)


def _gone(what: str) -> errors.StorageDaemonGone:
    return errors.StorageDaemonGone(
        f"The storage daemon is gone: {what}", do="Repeat the operation: the daemon is started again."
    )


def _refused(name: str, error: Message) -> errors.DatapathError:
    text = error.get("desc", "no reason given")
    if full_disk.is_said_in(text):
        return full_disk.store_full(f"The storage daemon ran out of space during '{name}': {text}")
    return errors.QmpRefused(
        f"The storage daemon refused '{name}': {text}",
        do="Check that no other program uses the image and that its file is whole ('qemu-img check').",
        kind=error.get("class", "GenericError"),
    )
