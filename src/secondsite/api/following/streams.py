"""Streams of the events of a job, and of the vault. A stream ends with its token: `still` says whether that
is valid."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from ...domain import errors
from ...vault.facade import VaultFacade
from ...vault.facade.nouns.events import Change
from ...vault.facade.nouns.jobs import FollowedJob
from ...wire import rest
from .boxes import EachOnce, Newest, StreamEvent
from .changes import Follower
from .hub import Hub, Tell

BREATH_OF_MANY_SECONDS = 0.4
"""Additional seconds between reads where many machines are at work: one of them changes all the time."""
READ_AT_ONCE = 50
MANY = 20
"""The number of changes at once from which a batch is assumed."""


class Scope:
    """The part of the vault that a follower sees: with `machine_ids` only these machines, and others that
    turn out to be in its scope later."""

    def __init__(self, machine_ids: frozenset[str] | None) -> None:
        self._known = None if machine_ids is None else set(machine_ids)

    def sees(self, event: rest.Event) -> bool:
        """Whether the follower sees the event. Events of deleted things, and of things outside the scope,
        have no content: they are seen only for things that were seen before."""
        if self._known is None or event.kind is rest.EventKind.RESET:
            return True
        found = event.job or event.machine
        if found is not None:
            self._known.add(found.id)
        return event.id in self._known


@dataclass(frozen=True, slots=True)
class Edition:
    """A job's tree as it was read, and its JSON; equal trees have equal names."""

    name: str
    text: str
    followed: FollowedJob


async def job(
    vault: VaultFacade, hub: Hub, still: Callable[[], bool], job_id: str, seen: str | None
) -> AsyncIterator[ServerSentEvent]:
    """The job each time its tree has changed, until it has ended; first as it is now, unless `seen` names
    that edition."""
    box = Newest[Edition | None]()

    def begin(stack: contextlib.ExitStack, tell: Tell[Edition | None]) -> Coroutine[Any, Any, None]:
        follower = Follower()
        stack.enter_context(vault.events.following(follower.tell))
        return _read_job(vault, job_id, follower, tell)

    with hub.joined(("job", _sight(vault), job_id), begin, box):
        now = await run_in_threadpool(_job_now, vault, job_id)
        if box.is_empty:  # what the source has reported meanwhile may be newer, and its last report
            box.put(now)
        came = await box.filled()
        while await run_in_threadpool(still):
            found = box.found
            if came and found is None:
                return
            if found is not None and (found.name != seen or found.followed.job.state.ended):
                seen = found.name
                yield ServerSentEvent(raw_data=found.text, id=found.name)
            if found is not None and found.followed.job.state.ended:
                return
            came = await box.filled()


async def _read_job(vault: VaultFacade, job_id: str, follower: Follower, tell: Tell[Edition | None]) -> None:
    while True:
        found = await run_in_threadpool(_job_now, vault, job_id)
        tell(found)
        if found is None or found.followed.job.state.ended:
            return
        if len(found.followed.ids) > len(found.followed.tree):
            await asyncio.sleep(BREATH_OF_MANY_SECONDS)
        await _concerning(follower, found.followed.ids)


def _job_now(vault: VaultFacade, job_id: str) -> Edition | None:
    try:
        followed = vault.jobs.followed(job_id)
    except errors.NotFound:  # its machine is gone, so nobody's scope has it any more
        return None
    return Edition(_edition(followed.tree), followed.job.model_dump_json(), followed)


async def events(
    vault: VaultFacade,
    hub: Hub,
    still: Callable[[], bool],
    machine_id: str | None,
    kinds: frozenset[rest.EventKind],
    mark: str | None,
) -> AsyncIterator[ServerSentEvent]:
    """The changes from now on, or after `mark`: of one machine or of all; of these kinds, or of all."""
    scope, box = Scope(await run_in_threadpool(vault.machines.in_scope)), EachOnce()

    def begin(stack: contextlib.ExitStack, tell: Tell[Sequence[StreamEvent]]) -> Coroutine[Any, Any, None]:
        follower = Follower()
        stack.enter_context(vault.events.following(follower.tell))
        return _read_events(vault, follower, tell)

    with hub.joined(("events", _sight(vault)), begin, box):
        missed = vault.events.missed(mark) if mark else ()
        for some in _portions(missed):
            box.put(await run_in_threadpool(_written, vault, some))
        if missed:
            box.goes_on_behind(missed[-1][0])
        while True:
            await box.filled()
            if not await run_in_threadpool(still):
                return
            for number, told in going_on_from(box.take()):
                if scope.sees(told.event) and _is_wanted(told.event, machine_id, kinds):
                    yield ServerSentEvent(
                        raw_data=told.text, event=told.event.kind, id=vault.events.mark(number)
                    )


async def _read_events(vault: VaultFacade, follower: Follower, tell: Tell[Sequence[StreamEvent]]) -> None:
    while True:
        changes = await follower.changes()
        for some in _portions(changes):
            tell(await run_in_threadpool(_written, vault, some))
        if len(changes) >= MANY:
            await asyncio.sleep(BREATH_OF_MANY_SECONDS)


def _portions(found: Sequence[tuple[int, Change]]) -> Iterator[Sequence[tuple[int, Change]]]:
    for begin in range(0, len(found), READ_AT_ONCE):
        yield found[begin : begin + READ_AT_ONCE]


def _sight(vault: VaultFacade) -> str | None:
    """The key under which followers see the same: one for all who see the whole vault, else one per token."""
    caller = vault.parts.caller
    return None if caller.grant.site is None else caller.token_id


def going_on_from(told: Sequence[StreamEvent]) -> Iterator[tuple[int, StreamEvent]]:
    """Each event with the number from which its follower goes on if it sees nothing after it: one change may
    make two events."""
    following = [after.number for after in told[1:]]
    for each, after in zip_longest(told, following):
        yield each.number - (after == each.number), each


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


def _written(vault: VaultFacade, changes: Sequence[tuple[int, Change]]) -> Sequence[StreamEvent]:
    return [StreamEvent(number, event, event.model_dump_json()) for number, event in read(vault, changes)]


def read(vault: VaultFacade, changes: Sequence[tuple[int, Change]]) -> list[tuple[int, rest.Event]]:
    """The changed jobs and machines in their present state, read in a few queries. A job changes its machine
    too; a machine has one event, with the last of these changes."""
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
