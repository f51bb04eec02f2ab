"""Changes that other threads tell of, awaited in the event loop. Between two changes nobody holds a
thread."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from ...vault.facade.nouns.events import Change

BREATH_SECONDS = 0.1
"""Changes come in crowds; one look serves many."""
LOOK_AGAIN_SECONDS = 10.0
"""A change of which nobody told is seen then."""


class Follower:
    """Made in the event loop, told from any thread. It keeps each thing that has changed once, however
    often it did."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._pending: dict[Change, int] = {}
        self._lock = threading.Lock()

    def tell(self, number: int, change: Change) -> None:
        with self._lock:
            self._pending[change] = number
        with contextlib.suppress(RuntimeError):  # the loop ends while the vault stops
            self._loop.call_soon_threadsafe(self._woken.set)

    async def changes(self) -> Sequence[tuple[int, Change]]:
        """What has changed since the last call, in the order of numbers; nothing after a while without
        any."""
        try:
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return ()
        await asyncio.sleep(BREATH_SECONDS)
        self._woken.clear()
        with self._lock:
            found, self._pending = self._pending, {}
        return sorted(((number, change) for change, number in found.items()), key=lambda each: each[0])
