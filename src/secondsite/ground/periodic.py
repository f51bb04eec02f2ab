"""Threads that work in rounds, and all such threads of a process together."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

from . import threads


class Watch(Protocol):
    """Something that works beside the requests, from `start` to `stop`."""

    def start(self) -> None: ...
    def stop(self, within_seconds: float = ...) -> None: ...


AnyWatch = TypeVar("AnyWatch", bound=Watch)


class Watches:
    """Everything that a process does beside the requests: each watch is added here, and is started and
    stopped only here."""

    def __init__(self) -> None:
        self._all: list[Watch] = []

    def add(self, watch: AnyWatch) -> AnyWatch:
        """Add a watch, which starts after those added before; returns it."""
        self._all.append(watch)
        return watch

    def start(self) -> None:
        for watch in self._all:
            watch.start()

    def stop(self, within_seconds: float) -> None:
        """Stop all; each has at most that long for its present round."""
        for watch in self._all:
            watch.stop(within_seconds)


class Periodic(ABC):
    """A thread that works in rounds; `look` is one round. A round that fails is reported, and the next one
    follows."""

    def __init__(self, name: str, failed: Callable[[Exception], None], breath_seconds: float = 0.0) -> None:
        """`name` is the thread's. `failed` is called with the error of a round, to log it. However often the
        thread is woken, a round begins no sooner than `breath_seconds` after the last one."""
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
        """Seconds until the next round; called before each."""

    def start(self) -> None:
        self._thread.start()

    def look_now(self) -> None:
        """A round in the caller's thread, before the first one of its own. It fails as any other: whoever
        starts goes on."""
        try:
            self.look()
        except Exception as error:
            self._tell_failure(error)

    def wake(self) -> None:
        """Begin the next round at once."""
        self._woken.set()

    def stop(self, within_seconds: float = 2.0) -> None:
        """Begin no further round; wait at most that long for the present one."""
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
            self.look_now()
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
