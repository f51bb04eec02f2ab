"""Changes that other threads tell of, awaited in the event loop.

A follower keeps each thing that has changed once, however often it did: one that is slow costs no more than one
that is quick. Between two changes it holds no thread. A stream ends when its token does: `still` says whether that is valid.
"""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from itertools import zip_longest

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from ..domain import errors
from ..vault.facade import VaultFacade
from ..vault.facade.nouns.events import Change
from ..wire import rest

BREATH_SECONDS = 0.1
"""Changes come in crowds; one look serves many."""
BREATH_OF_MANY_SECONDS = 0.4
"""Besides, where a job for many machines is followed: something happens to one of them all the time."""
READ_AT_ONCE = 50
LOOK_AGAIN_SECONDS = 10.0
"""A change of which nobody told is seen then."""


class Follower:
    """Made in the event loop, told from any thread."""

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
        """What has changed since the last call, in the order of numbers; nothing after a while without any."""
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


class Scope:
    """What of the vault a follower sees: with `machine_ids` only these, and what turns out to be in the scope later."""

    def __init__(self, machine_ids: frozenset[str] | None) -> None:
        self._known = None if machine_ids is None else set(machine_ids)

    def sees(self, event: rest.Event) -> bool:
        """What is gone, or not in the scope, comes without its content: only of what was seen before it is told."""
        if self._known is None or event.kind is rest.EventKind.RESET:
            return True
        found = event.job or event.machine
        if found is not None:
            self._known.add(found.id)
        return event.id in self._known


async def job(
    vault: VaultFacade, still: Callable[[], bool], job_id: str, seen: str | None
) -> AsyncIterator[ServerSentEvent]:
    """The job whenever its tree has changed, until it has ended; first as it is now, unless that was `seen`."""
    follower = Follower()
    with vault.events.following(follower.tell):
        while await run_in_threadpool(still):
            try:
                followed = await run_in_threadpool(vault.jobs.followed, job_id)
            except errors.NotFound:  # its machine is gone, and so it is in nobody's scope any more
                return
            edition = _edition(followed.tree)
            if edition != seen or followed.job.state.ended:
                seen = edition
                yield ServerSentEvent(data=followed.job, id=edition)
            if followed.job.state.ended:
                return
            if len(followed.ids) > len(followed.tree):
                await asyncio.sleep(BREATH_OF_MANY_SECONDS)
            await _concerning(follower, followed.ids)


async def events(
    vault: VaultFacade,
    still: Callable[[], bool],
    machine_id: str | None,
    kinds: frozenset[rest.EventKind],
    mark: str | None,
) -> AsyncIterator[ServerSentEvent]:
    """All that changes from now on, or from `mark` on: of one machine, or of all; of these kinds, or of all."""
    follower = Follower()
    scope = Scope(await run_in_threadpool(vault.machines.in_scope))
    with vault.events.following(follower.tell, mark):
        while True:
            changes = await follower.changes()
            if not await run_in_threadpool(still):
                return
            for begin in range(0, len(changes), READ_AT_ONCE):
                some = changes[begin : begin + READ_AT_ONCE]
                for number, event in going_on_from(await run_in_threadpool(read, vault, some)):
                    if scope.sees(event) and _is_wanted(event, machine_id, kinds):
                        yield ServerSentEvent(data=event, event=event.kind, id=vault.events.mark(number))


def going_on_from(told: Sequence[tuple[int, rest.Event]]) -> Iterator[tuple[int, rest.Event]]:
    """Each with the number that whoever saw it, and nothing after it, goes on from: a change may be told in two events."""
    following = [number for number, _ in told[1:]]
    for (number, event), after in zip_longest(told, following):
        yield number - (after == number), event


async def _concerning(follower: Follower, job_ids: Collection[str]) -> None:
    """Return when one of these jobs has changed, or after a while."""
    while changes := await follower.changes():
        if any(change.kind is rest.EventKind.RESET or change.id in job_ids for _, change in changes):
            return


def _edition(tree: Sequence[rest.Job]) -> str:
    digest = hashlib.sha256()
    for each in tree:
        digest.update(each.model_dump_json().encode())
    return digest.hexdigest()[:16]


def read(vault: VaultFacade, changes: Sequence[tuple[int, Change]]) -> list[tuple[int, rest.Event]]:
    """What has changed, as it is now: all of it in a few questions to the database. A job changes its machine too; a machine is told
    of once, with the last of these changes."""
    jobs = vault.jobs.several([each.id for _, each in changes if each.kind is rest.EventKind.JOB])
    told = [(number, each) for number, change in changes for each in _concerned(change, jobs)]
    last = {change: number for number, change in told}
    machines = vault.machines.several([each.id for each in last if each.kind is rest.EventKind.MACHINE])
    return [
        (
            number,
            rest.Event(
                kind=each.kind, id=each.id or None, job=jobs.get(each.id), machine=machines.get(each.id)
            ),
        )
        for number, each in told
        if last[each] == number
    ]


def _concerned(change: Change, jobs: Mapping[str, rest.Job]) -> Iterator[Change]:
    yield change
    job = jobs.get(change.id)
    if job is not None and job.subject:
        yield Change(rest.EventKind.MACHINE, job.subject)


def _is_wanted(event: rest.Event, machine_id: str | None, kinds: frozenset[rest.EventKind]) -> bool:
    if event.kind is rest.EventKind.RESET:
        return True
    if kinds and event.kind not in kinds:
        return False
    subject = event.job.subject if event.job else event.id
    return machine_id is None or subject == machine_id
