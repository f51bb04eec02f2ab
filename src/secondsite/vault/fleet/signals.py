"""Signals wake the steps that wait in the job engine, and the calls that wait in this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

ORDER = "order/"
"""The prefix of orders' signals. An order is given by one step, and only that one waits for it."""


class EngineSignal(Protocol):
    def __call__(self, key: str, *, of_one: bool) -> object: ...


SHARED = ("machine/", "site/", "policy/")


class Signals:
    """Passes signals on: interfaces.Signals. `connect` the job engine's signal function once it exists."""

    def __init__(self) -> None:
        self._engine: EngineSignal | None = None
        self._listeners: dict[str, threading.Event] = {}
        self._diverted: dict[str, Callable[[str], None]] = {}
        self._overheard: tuple[tuple[str, Callable[[str], None]], ...] = ()
        self._tell_others: Callable[[str], None] | None = None
        self._lock = threading.Lock()

    def connect(self, engine_signal: EngineSignal) -> None:
        self._engine = engine_signal

    def tell_others(self, tell: Callable[[str], None]) -> None:
        """Tell the other vault processes of signals that followers and settings depend on."""
        self._tell_others = tell

    def from_afar(self, key: str) -> None:
        """Take a signal of another vault process, whose engine has woken the jobs already."""
        with self._lock:
            receivers = [receive for prefix, receive in self._diverted.items() if key.startswith(prefix)]
        receivers += [receive for prefix, receive in self._overheard if key.startswith(prefix)]
        for receive in receivers:
            receive(key)

    def __call__(self, key: str) -> None:
        if self._tell_others is not None and key.startswith(SHARED):
            self._tell_others(key)
        with self._lock:
            listener = self._listeners.get(key)
            receivers = [receive for prefix, receive in self._diverted.items() if key.startswith(prefix)]
        for prefix, receive in self._overheard:
            if key.startswith(prefix):
                receive(key)
        if listener is not None:
            listener.set()
        elif receivers:
            for receive in receivers:
                receive(key)
        elif self._engine is not None:
            self._engine(key, of_one=key.startswith(ORDER))

    def divert(self, prefixes: tuple[str, ...], receive: Callable[[str], None]) -> None:
        """Send keys with these prefixes to `receive` only, which must not block: no job waits for them."""
        with self._lock:
            self._diverted.update(dict.fromkeys(prefixes, receive))

    def overhear(self, prefix: str, receive: Callable[[str], None]) -> None:
        """Call `receive`, which must not block, first for keys with this prefix; they then go where they
        always go."""
        with self._lock:
            self._overheard = (*self._overheard, (prefix, receive))

    @contextmanager
    def listening(self, key: str) -> Iterator[threading.Event]:
        """An event that is set whenever `key` is signalled; the key then goes to this listener only."""
        event = threading.Event()
        with self._lock:
            self._listeners[key] = event
        try:
            yield event
        finally:
            with self._lock:
                self._listeners.pop(key, None)
