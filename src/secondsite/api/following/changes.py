"""Changes that other threads report, awaited in the event loop. Waiting takes no thread."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from ...vault.facade.nouns.events import Change

BREATH_SECONDS = 0.1
"""Changes come in bursts; after this many seconds they are read together."""
LOOK_AGAIN_SECONDS = 10.0
"""After so many seconds everything is read again: for changes that nobody reported."""


class Follower:
    """Collects changes for the event loop that made it; `tell` may be called from any thread. A thing that
    changed several times is kept once."""

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
        """The changes since the last call, in the order of their numbers; none after a while without any."""
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
