"""Boxes of events that a follower has not been sent yet: for a slow follower, or one that reads nothing, each
thing is held once, in its last state."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...vault.facade.nouns.events import Change
from ...wire import rest
from . import changes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event as it is written to the stream, with the number of its change."""

    number: int
    event: rest.Event
    text: str


class Box(ABC, Generic[T]):
    """Events for one follower. Filled and emptied in the event loop."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._problem: Exception | None = None

    def put(self, found: T) -> None:
        self._keep(found)
        self._woken.set()

    @property
    def is_empty(self) -> bool:
        return not self._woken.is_set()

    def fail(self, problem: Exception) -> None:
        """Make `filled` raise this problem."""
        self._problem = problem
        self._woken.set()

    @abstractmethod
    def _keep(self, found: T) -> None: ...

    async def filled(self) -> bool:
        """Whether something came; False after a while without anything. Raises the problem that the box
        failed with."""
        try:
            async with asyncio.timeout(changes.LOOK_AGAIN_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return False
        if self._problem is not None:
            raise self._problem
        self._woken.clear()
        return True


class Newest(Box[T]):
    """A box that holds only the last thing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: T | None = None

    def _keep(self, found: T) -> None:
        self.found = found


class EachOnce(Box[Sequence[StreamEvent]]):
    """A box that holds the last event of each thing."""

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[Change, StreamEvent] = {}
        self._behind = -1

    def goes_on_behind(self, number: int) -> None:
        """Ignore changes up to this number: the follower has read them itself, and its source may still
        report them."""
        self._behind = number

    def _keep(self, found: Sequence[StreamEvent]) -> None:
        for told in found:
            if told.number <= self._behind:
                continue
            thing = Change(told.event.kind, told.event.id or "")
            known = self._pending.pop(thing, told)
            self._pending[thing] = max(told, known, key=lambda each: each.number)

    def take(self) -> Sequence[StreamEvent]:
        """The events that have come, in the order of their numbers."""
        found, self._pending = self._pending, {}
        return sorted(found.values(), key=lambda told: told.number)
