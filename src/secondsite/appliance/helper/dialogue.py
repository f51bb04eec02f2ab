"""Requests to a helper machine, and what comes back: bounded in length, and in time.

It has three lines: one for words (a request there, 'ready' and 'end CODE MESSAGE' back), one for data, and
its console, of which the end is kept for an error's message."""

import contextlib
import selectors
import socket
import time
from collections.abc import Callable

from ...domain import errors

Lines = tuple[socket.socket, socket.socket, socket.socket]
"""For words, for data, and of the console."""
LONGEST_WORD = 4096
"""Bytes of one line that it may say."""
MOST_WAITING = 1024 * 1024
"""Bytes of data that wait here: it is not read from before they were taken."""
KEPT_OF_CONSOLE = 2000
PIECE_BYTES = 256 * 1024
LOOK_SECONDS = 0.5
LATE_SECONDS = 5.0
"""So long the last data may come after the word that ends the answer."""
SILENT_SECONDS = 120.0
"""A helper machine that says nothing for so long has hung: it reads a small piece of a disk at a time."""


class Dialogue:
    """The lines to one helper machine, which are closed with it. `is_cancelled` is asked while it is waited
    for. Every call raises NotPossibleNow once it has failed, ended, or is silent."""

    def __init__(self, lines: Lines, is_cancelled: Callable[[], bool]) -> None:
        self._words, self._data, self._console = words, data, console = lines
        self._is_cancelled = is_cancelled
        self._said, self._waiting, self._seen = bytearray(), bytearray(), bytearray()
        self._ended: tuple[int, str] | None = None
        for line in (words, data, console):
            line.setblocking(False)

    def begin(self) -> None:
        """Wait until it takes requests."""
        while (word := self._word()) is None:
            self._listen()
        if word != "ready":
            raise self._failed(f"said '{word}' as it began")

    def ask(self, verb: str, device: str = "-", path: bytes = b"") -> None:
        """Send a request; `read` gives the answer, and `end` waits for its end."""
        self._waiting.clear()
        self._ended = None
        told = "".join(f"\\0{byte:03o}" for byte in path)
        self._words.settimeout(SILENT_SECONDS)
        try:
            self._words.sendall(f"{verb} {device} {told}\n".encode())
        except OSError as problem:
            raise self._failed("takes no request") from problem
        finally:
            self._words.setblocking(False)

    def read(self, length: int) -> bytes:
        """The next bytes of the answer, just as many. Raises NotPossibleNow with its own words if there are
        fewer."""
        parts = []
        while length:
            if not self._waiting:
                self._await_data()
            part = bytes(self._waiting[:length])
            del self._waiting[: len(part)]
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def read_until(self, mark: bytes, most: int) -> bytes:
        """The next bytes of the answer, until that byte, which is dropped. Raises NotPossibleNow for more
        than `most`."""
        found = bytearray()
        while True:
            if not self._waiting:
                self._await_data()
            at = self._waiting.find(mark)
            taken = len(self._waiting) if at < 0 else at
            found += self._waiting[:taken]
            del self._waiting[: taken + (at >= 0)]
            if len(found) > most:
                raise self._failed("answered with more than there can be")
            if at >= 0:
                return bytes(found)

    def end(self) -> None:
        """Wait for the end of the answer. Raises NotPossibleNow, with its own words, if it failed."""
        while self._ended is None:
            self._waiting.clear()
            self._listen()
            self._hear_the_end()
        self._require_success()

    def _await_data(self) -> None:
        late_until: float | None = None
        while not self._waiting:
            heard = self._listen()
            self._hear_the_end()
            if self._ended is None or self._waiting:
                continue
            self._require_success()
            # words and data are two ports of the machine: the end may be here before the last data
            late_until = late_until or time.monotonic() + LATE_SECONDS
            if not heard and time.monotonic() >= late_until:
                raise self._failed("ended its answer early")

    def _require_success(self) -> None:
        code, message = self._ended or (0, "")
        if code:
            raise errors.NotPossibleNow(
                f"It cannot be read: {message or f'the reading ended with code {code}'}.",
                do="Look at the path: 'secondsite point list-files MACHINE POINT PATH' lists a folder. What "
                "is broken in the point may be whole in an older one.",
            )

    def _hear_the_end(self) -> None:
        word = None if self._ended is not None else self._word()
        if word is not None:
            kind, _, rest = word.partition(" ")
            code, _, message = rest.partition(" ")
            if kind != "end" or not code.isdigit():
                raise self._failed(f"said '{word}'")
            self._ended = int(code[:3]), message.strip()

    def _word(self) -> str | None:
        """The next line that it said, readable; None if there is none yet."""
        line, found, rest = self._said.partition(b"\n")
        if not found:
            if len(self._said) > LONGEST_WORD:
                raise self._failed("said more than there is to say")
            return None
        self._said = rest
        return _readable(bytes(line))

    def _listen(self) -> bool:
        """Take what comes within a moment; whether any of it was data."""
        began = time.monotonic()
        while not self._is_cancelled():
            with selectors.DefaultSelector() as lines:
                for line in self._open_lines():
                    lines.register(line, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in lines.select(LOOK_SECONDS)]
            heard = [self._take(line) for line in (self._console, self._words, self._data) if line in ready]
            if heard:
                return any(heard)
            if time.monotonic() - began > SILENT_SECONDS:
                raise self._failed(f"said nothing for {SILENT_SECONDS:.0f} s")
            if self._ended is not None:
                return False
        raise errors.NotPossibleNow("It was cancelled, or its time was over.", do="Ask for it anew.")

    def _open_lines(self) -> list[socket.socket]:
        full = len(self._waiting) >= MOST_WAITING
        return [self._words, self._console, *([] if full else [self._data])]

    def _take(self, line: socket.socket) -> bool:
        """Whether it was data."""
        try:
            piece = line.recv(PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self._take_console()
            raise self._failed("ended")
        if line is self._data:
            self._waiting += piece
        elif line is self._words:
            self._said += piece
        else:
            self._seen = (self._seen + piece)[-KEPT_OF_CONSOLE:]
        return line is self._data

    def _take_console(self) -> None:
        """The last that it said there, which may have come while other lines ended."""
        with contextlib.suppress(OSError):
            self._seen = (self._seen + self._console.recv(PIECE_BYTES))[-KEPT_OF_CONSOLE:]

    def _failed(self, what: str) -> errors.NotPossibleNow:
        last = _readable(bytes(self._seen)).split("  ")[-1][-300:].strip()
        return errors.NotPossibleNow(
            f"The helper machine that read the point {what}{f'; its console: {last}' if last else ''}.",
            do="Repeat it; if it fails again, the file system there may be broken: try an older point.",
        )


def _readable(said: bytes) -> str:
    """Without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in said.decode(errors="replace")).strip()
