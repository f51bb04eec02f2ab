"""A job's tree as server-sent events. Between two looks a follower holds no thread."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool

from ..vault.facade import VaultFacade
from ..vault.facade.jobs import ENDED_WORDS

LOOK_EVERY_SECONDS = 0.3
ALIVE_EVERY_SECONDS = 10.0


async def follow(vault: VaultFacade, job_id: str) -> AsyncIterator[str]:
    """One event per change of the tree, its data the job itself; a comment now and then, so that a dead
    connection is noticed. Ends with the job."""
    seen = None
    told_at = time.monotonic()
    while True:
        tree = await run_in_threadpool(vault.jobs.tree, job_id)
        if tree != seen:
            seen, told_at = tree, time.monotonic()
            yield f"data: {tree[0].model_dump_json()}\n\n"
        elif time.monotonic() - told_at > ALIVE_EVERY_SECONDS:
            told_at = time.monotonic()
            yield ": alive\n\n"
        if tree[0].state in ENDED_WORDS:
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)
