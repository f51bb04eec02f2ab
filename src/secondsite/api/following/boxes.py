"""What a follower has not been sent yet: one that is slow, or reads nothing, holds each thing once, as it
was last."""

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
    """An event, and how it is written; the number of the change that it tells of."""

    number: int
    event: rest.Event
    text: str


class Box(ABC, Generic[T]):
    """Filled and emptied in the event loop."""

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
        """Whoever waits for more gets this."""
        self._problem = problem
        self._woken.set()

    @abstractmethod
    def _keep(self, found: T) -> None: ...

    async def filled(self) -> bool:
        """Whether something came; False after a while without anything. Raises what the box failed with."""
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
    """Only the last one counts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: T | None = None

    def _keep(self, found: T) -> None:
        self.found = found


class EachOnce(Box[Sequence[StreamEvent]]):
    """Of each thing the last event."""

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[Change, StreamEvent] = {}
        self._behind = -1

    def goes_on_behind(self, number: int) -> None:
        """Whoever has the box has put into it what there was up to this change: what a source tells of
        that later, it had read before."""
        self._behind = number

    def _keep(self, found: Sequence[StreamEvent]) -> None:
        for told in found:
            if told.number <= self._behind:
                continue
            thing = Change(told.event.kind, told.event.id or "")
            known = self._pending.pop(thing, told)
            self._pending[thing] = max(told, known, key=lambda each: each.number)

    def take(self) -> Sequence[StreamEvent]:
        """What has come, in the order of numbers."""
        found, self._pending = self._pending, {}
        return sorted(found.values(), key=lambda told: told.number)
