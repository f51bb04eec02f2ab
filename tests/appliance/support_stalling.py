"""An appliance in other hands that says some of its words letter by letter."""

import contextlib
import threading

from secondsite.datapath.channel import Connection, messages
from secondsite.ground.units import KiB

LETTER_SECONDS = 0.4


class Stalling:
    """From `begin` on these words take minutes. `at`: only those that are said at this data port. `said`:
    how often one began."""

    def __init__(self, monkeypatch, at=None):
        self.said = 0
        self._words: tuple[str, ...] = ()
        self._at = at
        self._ended = threading.Event()
        send = Connection.send_message

        def send_message(connection, name, **fields):
            if name not in self._words or not self._is_there(connection):
                return send(connection, name, **fields)
            self.said += 1
            return self._spell(connection, messages.encode(name, {**fields, "more": "x" * KiB}))

        monkeypatch.setattr(Connection, "send_message", send_message)

    def begin(self, *words):
        self._words = words

    def end(self):
        self._words = ()
        self._ended.set()

    def _is_there(self, connection):
        return self._at in (None, connection.socket.getsockname()[1])

    def _spell(self, connection, frame):
        for letter in frame.head + bytes(frame.payload):
            if self._ended.wait(LETTER_SECONDS):
                return
            with contextlib.suppress(OSError):  # nobody listens any more
                connection.socket.sendall(bytes((letter,)))
