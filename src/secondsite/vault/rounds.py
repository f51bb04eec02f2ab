"""What the vault looks at again and again by itself, each in a thread of its own."""

import threading
from abc import ABC, abstractmethod

import structlog

log = structlog.get_logger()


class Rounds(ABC):
    """A thread; `look` is one round of it. A round that fails is logged, and the next one comes all the same."""

    def __init__(self, name: str, failure: str) -> None:
        """`name` is the thread's, `failure` the event that is logged."""
        self._failure = failure
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_round, name=name, daemon=True)

    @abstractmethod
    def look(self) -> None: ...

    @abstractmethod
    def pause_seconds(self) -> float:
        """How long until the next round."""

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_seconds: float = 2.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(deadline_seconds)

    def _go_round(self) -> None:
        while not self._stopping.wait(self.pause_seconds()):
            try:
                self.look()
            except Exception:
                log.exception(self._failure)
