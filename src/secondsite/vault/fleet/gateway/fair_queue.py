"""A queue in which speakers take turns: what each says comes in the order in which it said it, and nobody waits until another one has said
all. One appliance in other hands made the vault deaf to all others for minutes, with what could not even be read."""

import queue
import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Filled from any thread, emptied by one."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, deque[T]] = OrderedDict()
        """By speaker; whose turn it is stands first."""
        self._has_ended = False
        self._changed = threading.Condition()

    def put(self, speaker: str, said: T) -> None:
        with self._changed:
            self._said.setdefault(speaker, deque()).append(said)
            self._changed.notify()

    def end(self) -> None:
        """Nothing comes any more."""
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def drop(self) -> int:
        """Give up what waits; how much that was."""
        with self._changed:
            dropped = sum(map(len, self._said.values()))
            self._said.clear()
            return dropped

    def empty(self) -> bool:
        return not self._said

    def get(self, timeout: float | None = None) -> T | None:
        """What comes next; None once all was given and nothing comes any more. Raises queue.Empty if nothing comes in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._said or self._has_ended, timeout):
                raise queue.Empty
            return self._next() if self._said else None

    def _next(self) -> T:
        speaker, waiting = next(iter(self._said.items()))
        found = waiting.popleft()
        if waiting:
            self._said.move_to_end(speaker)
        else:
            del self._said[speaker]
        return found
