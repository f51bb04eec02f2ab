"""TLS on a connection that one thread reads while others write.

OpenSSL's object may be used by one thread at a time only, and one that waits for the other side would keep
it; so it works in memory under a lock, and waiting is done on the plain socket outside of it."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from typing import Final

PIECE: Final = 256 * 1024
SMALL: Final = 16 * 1024


class Ended(Exception):
    """The other side left, fell silent, or said what no TLS is."""


class Stream:
    """The appliance's side. The plain socket is closed by whoever gave it; `cut` may be called by any
    thread."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        plain.setblocking(False)
        self.socket = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._line = bytearray()

    def shake_hands(self, seconds: float) -> bytes | None:
        """The other side's certificate (DER), None if it has none. Raises Ended."""
        until = time.monotonic() + seconds
        while True:
            try:
                self._tls.do_handshake()
                self._flush(until)
                return self._tls.getpeercert(binary_form=True)
            except ssl.SSLWantReadError:
                self._flush(until)
                self._receive_by(until)
            except ssl.SSLError as problem:
                with contextlib.suppress(Ended):  # the alert tells the other side why
                    self._flush(until)
                raise Ended(str(problem)) from problem

    def read_line(self, most: int, until: float) -> bytes | None:
        """The next line, without its end; None if it is not there by that monotonic time. Raises Ended, also
        for a longer one."""
        looked = 0
        while True:
            end = self._line.find(b"\n", looked)
            if end >= 0:
                found = bytes(self._line[:end])
                del self._line[: end + 1]
                return found
            looked = len(self._line)
            if looked > most:
                raise Ended(f"a line has more than {most} bytes")
            try:
                data = self._read(until)
            except TimeoutError:
                return None
            self._line += data

    def send(self, data: bytes, seconds: float) -> None:
        """Raises Ended if the other side does not take it within that time."""
        until = time.monotonic() + seconds
        if not self._sending.acquire(timeout=seconds):
            raise Ended("the other side takes nothing")
        try:
            self._flush(until, self.encrypted(data))
        finally:
            self._sending.release()

    def is_sending(self) -> bool:
        return self._sending.locked()

    def cut(self) -> None:
        """Whoever reads or writes is told at once; harmless when repeated."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    # -- for a splice, which waits by itself ----------------------------------------------------------------

    def rest(self) -> bytes:
        """What came behind the last line that was read."""
        found = bytes(self._line)
        self._line.clear()
        return found

    def take_in(self, raw: memoryview) -> None:
        """Bytes as they came from the socket."""
        self._incoming.write(raw)

    def decrypt_into(self, buffer: memoryview) -> int:
        """Fill a buffer as far as what came in goes; returns how many bytes. Raises Ended at the end."""
        filled = 0
        with self._lock:
            while filled < len(buffer):
                try:
                    n = self._tls.read(len(buffer) - filled, buffer[filled:])
                except ssl.SSLWantReadError:
                    break
                except ssl.SSLError as problem:
                    if filled:
                        break
                    raise Ended(str(problem)) from problem
                if not n:
                    break
                filled += int(n)
        return filled

    def encrypted(self, data: bytes | memoryview) -> bytes:
        """As it goes to the socket. Raises Ended."""
        with self._lock:
            try:
                self._tls.write(data)
            except ssl.SSLError as problem:
                raise Ended(str(problem)) from problem
            return self._outgoing.read()

    # -- waiting --------------------------------------------------------------------------------------------

    def _read(self, until: float) -> bytes:
        while True:
            try:
                with self._lock:
                    data = self._tls.read(SMALL)
                if not data:
                    raise Ended("it left")
                return data
            except ssl.SSLWantReadError:
                self._receive(until)
            except ssl.SSLError as problem:
                raise Ended(str(problem)) from problem

    def _receive_by(self, until: float) -> None:
        try:
            self._receive(until)
        except TimeoutError:
            raise Ended("it said nothing") from None

    def _receive(self, until: float) -> None:
        while True:
            try:
                data = self.socket.recv(PIECE)
            except BlockingIOError:
                if not wait(self.socket, select.POLLIN, until):
                    raise TimeoutError from None
                continue
            except OSError as problem:
                raise Ended(str(problem)) from problem
            if not data:
                raise Ended("it left")
            with self._lock:
                self._incoming.write(data)
            return

    def _flush(self, until: float, data: bytes | None = None) -> None:
        left = memoryview(self._outgoing.read() if data is None else data)
        while left:
            try:
                left = left[self.socket.send(left) :]
            except BlockingIOError:
                if not wait(self.socket, select.POLLOUT, until):
                    self.cut()
                    raise Ended("the other side takes nothing") from None
            except OSError as problem:
                raise Ended(str(problem)) from problem


def wait(plain: socket.socket, event: int, until: float) -> bool:
    """Whether the socket is ready by that monotonic time."""
    poller = select.poll()
    poller.register(plain, event)
    return bool(poller.poll(max(0.0, until - time.monotonic()) * 1000))
