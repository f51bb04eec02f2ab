"""One reader for all followers of the same thing.

Twenty streams that each read and wrote every change by themselves made a failover of 300 machines take three
times as long, in the hour in which most people look.
"""

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Coroutine, Hashable, Iterator
from typing import Any, Generic, TypeVar

from .boxes import Box

T = TypeVar("T")
Tell = Callable[[T], None]
Begin = Callable[[contextlib.ExitStack, Tell[T]], Coroutine[Any, Any, None]]
"""Starts listening at once, and gives the coroutine that reads and reports from then on; what has to be
closed is put onto the stack."""


class Source(Generic[T]):
    """Reads as long as it has followers."""

    def __init__(self, begin: Begin[T]) -> None:
        self._boxes: list[Box[T]] = []
        stack = contextlib.ExitStack()
        self._task = asyncio.get_running_loop().create_task(self._run(begin(stack, self._tell)))
        self._task.add_done_callback(lambda _task: stack.close())

    @property
    def ended(self) -> bool:
        return self._task.done()

    def join(self, box: Box[T]) -> None:
        self._boxes.append(box)

    def leave(self, box: Box[T]) -> bool:
        """Remove the follower's box; gives whether it was the last one, with which the reading ends."""
        self._boxes.remove(box)
        if not self._boxes:
            self._task.cancel()
        return not self._boxes

    def _tell(self, found: T) -> None:
        for box in self._boxes:
            box.put(found)

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as problem:  # every stream of this source ends with it
            for box in self._boxes:
                box.fail(problem)


class Hub:
    """The sources of one event loop, by what is followed and by what the followers may see of it."""

    def __init__(self) -> None:
        self._sources: dict[Hashable, Source[Any]] = {}

    @contextlib.contextmanager
    def joined(self, key: Hashable, begin: Begin[T], box: Box[T]) -> Iterator[None]:
        """Within the block the box is filled by the source of that key, which starts with its first
        follower."""
        source = self._sources.get(key)
        if source is None or source.ended:
            source = self._sources[key] = Source(begin)
        source.join(box)
        try:
            yield
        finally:
            if source.leave(box) and self._sources.get(key) is source:
                del self._sources[key]


class Hubs:
    """The hubs, one for each event loop that serves the application."""

    def __init__(self) -> None:
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()

    def here(self) -> Hub:
        """The hub of the running event loop."""
        return self._by_loop.setdefault(asyncio.get_running_loop(), Hub())
