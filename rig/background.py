"""Threads that work as long as a `with` block lasts, and that cannot die in silence: what a thread died of
is raised at the block's end, for whoever watches or writes beside a test and is gone proves nothing."""

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from secondsite.ground import threads


class Background:
    """Runs each of `works` (by the thread's name) until `ended` is set, which they look at, or wait for.

    A work that raises has died: `check` and the end of the block raise that. If the block itself raises, that
    goes first, with a note about the dead thread.
    """

    def __init__(self, works: Mapping[str, Callable[[], None]], within_seconds: float = 30.0) -> None:
        """`within_seconds`: how long the works may take to end, once they are to."""
        self.ended = threading.Event()
        self._deaths: list[Exception] = []
        self._within_seconds = within_seconds
        self._threads = [threads.worker(name, self._run_thread, work) for name, work in works.items()]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join(self._within_seconds)
        if error is None:
            self.check()
            self._check_ended()
        else:
            for death in (each for each in self._deaths if each is not error):
                error.add_note(f"{death!r}: {death.__notes__[-1]}")

    def check(self) -> None:
        """Raises what the first dead thread died of."""
        if self._deaths:
            raise self._deaths[0]

    def _check_ended(self) -> None:
        alive = ", ".join(thread.name for thread in self._threads if thread.is_alive())
        if alive:
            raise TimeoutError(f"{alive} did not end within {self._within_seconds:.0f} s")

    def _run_thread(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as death:
            death.add_note(f"the thread '{threading.current_thread().name}' died of this")
            self._deaths.append(death)
