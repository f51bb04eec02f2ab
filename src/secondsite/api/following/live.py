"""The live stream: one look a second for all who see the same, and for each follower what has changed since
it was told last."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from ...vault.facade import VaultFacade
from ...vault.facade.nouns.glance.board import Batch
from ...vault.facade.nouns.glance.boards import sight
from ...wire.rest.glance.live import LiveBatch, LiveKind
from .boxes import Newest
from .hub import Hub, Tell

LOOK_SECONDS = 1.0
"""How often the vault looks at what was told to have changed."""
LOOKS_TO_ALL = 20
"""Every so many looks go to everything: not all that changes is told."""
ALIVE_SECONDS = 15.0
"""A follower hears something at least once in so many seconds."""
VALID_SECONDS = 5.0
"""How often it is asked whether the follower's token, or session, is still valid."""


async def events(
    vault: VaultFacade, hub: Hub, still: Callable[[], bool], mark: str | None, interval: float
) -> AsyncIterator[ServerSentEvent]:
    """What has changed since the mark, or everything; then what changes, at most once in `interval` seconds.
    A slow follower is told less often, and of each thing the last state."""
    box = Newest[Batch]()

    def begin(_stack: contextlib.ExitStack, tell: Tell[Batch]) -> Coroutine[Any, Any, None]:
        return _look(vault, tell)

    with hub.joined(("live", sight(vault.parts.caller)), begin, box):
        batch = await run_in_threadpool(vault.live.begin, mark)
        yield _event(batch)
        told_at = heard_at = valid_at = time.monotonic()
        while True:
            await asyncio.sleep(min(VALID_SECONDS, max(0.0, told_at + interval - time.monotonic())))
            changed = time.monotonic() >= told_at + interval and await _changed(box)
            if time.monotonic() >= valid_at + VALID_SECONDS:
                if not await run_in_threadpool(still):
                    return
                valid_at = time.monotonic()
            if changed:
                mark, batch = batch.mark, await _next(vault, box, batch.mark)
                if batch.mark != mark:
                    yield _event(batch)
                    told_at = heard_at = time.monotonic()
            elif time.monotonic() >= heard_at + ALIVE_SECONDS:
                yield _alive(vault, batch.mark)
                heard_at = time.monotonic()


async def _next(vault: VaultFacade, box: Newest[Batch], mark: str) -> Batch:
    """What has changed since the mark: mostly what all others are told as well. A thread for each follower
    and batch took more than the batch."""
    found = box.found
    if found is not None and found.since == mark and found.is_fresh(vault.parts.now()):
        return found
    return await run_in_threadpool(vault.live.batch, mark)


async def _look(vault: VaultFacade, tell: Tell[Batch]) -> None:
    """Report what each look finds, if that is anything."""
    mark, looks = None, 0
    while True:
        began = time.monotonic()
        found = await run_in_threadpool(vault.live.look, mark, whole=looks % LOOKS_TO_ALL == 0)
        if found.mark != mark:
            tell(found)
        mark, looks = found.mark, looks + 1
        await asyncio.sleep(max(0.0, began + LOOK_SECONDS - time.monotonic()))


async def _changed(box: Newest[Batch]) -> bool:
    """Whether the board has changed, or does soon."""
    try:
        async with asyncio.timeout(VALID_SECONDS):
            return await box.filled()
    except TimeoutError:
        return False


def _event(batch: Batch) -> ServerSentEvent:
    # Not checked: the text has one line, and is long.
    return ServerSentEvent.model_construct(raw_data=batch.text, event=batch.kind, id=batch.mark)


def _alive(vault: VaultFacade, mark: str) -> ServerSentEvent:
    said = LiveBatch(at=vault.parts.now(), mark=mark)
    text = said.model_dump_json(include={"at", "mark"})
    return ServerSentEvent(raw_data=text, event=LiveKind.ALIVE)
