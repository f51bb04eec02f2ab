"""Threads that work in rounds, and all of a process together."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

from . import threads


class Watch(Protocol):
    """Works beside the requests, from `start` to `stop`."""

    def start(self) -> None: ...
    def stop(self, within_seconds: float = ...) -> None: ...


AnyWatch = TypeVar("AnyWatch", bound=Watch)


class Watches:
    """All that a process does beside the requests: whoever is made is added here, and nowhere else started
    or stopped."""

    def __init__(self) -> None:
        self._all: list[Watch] = []

    def add(self, watch: AnyWatch) -> AnyWatch:
        """It starts with the others, after those that were added before; gives it back."""
        self._all.append(watch)
        return watch

    def start(self) -> None:
        for watch in self._all:
            watch.start()

    def stop(self, within_seconds: float) -> None:
        """Each has at most that long for the round that it is in."""
        for watch in self._all:
            watch.stop(within_seconds)


class Periodic(ABC):
    """A thread; `look` is one round. A round that fails is reported, and the next one comes all the same."""

    def __init__(self, name: str, failed: Callable[[Exception], None], breath_seconds: float = 0.0) -> None:
        """`name` is the thread's. `failed` is called with what a round raised, to log it. However often it
        is woken, a round begins no sooner than `breath_seconds` after the one before."""
        self._tell_failure = failed
        self._breath_seconds = breath_seconds
        self._woken = threading.Event()
        self._thread = threads.worker(name, self._go_round)
        self.stopping = threading.Event()
        """Set once it is to end; a long round checks it."""

    @abstractmethod
    def look(self) -> None: ...

    @abstractmethod
    def pause_seconds(self) -> float:
        """How long until the next round; asked before each."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """The next round comes at once."""
        self._woken.set()

    def stop(self, within_seconds: float = 2.0) -> None:
        """No further rounds; wait at most that long for the one that runs."""
        self.stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(within_seconds)

    def _go_round(self) -> None:
        while not self.stopping.is_set():
            self._woken.wait(self.pause_seconds())
            self._woken.clear()
            if self.stopping.is_set():
                return
            try:
                self.look()
            except Exception as error:
                self._tell_failure(error)
            self.stopping.wait(self._breath_seconds)


class Every(Periodic):
    """Calls a function every so many seconds."""

    def __init__(
        self, name: str, seconds: float, call: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        super().__init__(name, failed)
        self._seconds = seconds
        self._call = call

    def look(self) -> None:
        self._call()

    def pause_seconds(self) -> float:
        return self._seconds
