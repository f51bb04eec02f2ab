"""Routes: server-sent events."""

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse

from ...wire import rest
from ...wire.rest.glance.live import LiveBatch, LiveQuery
from ..access import Standing, Vault
from ..following import Hub, live, streams
from ..routers import guarded
from .names import JobId

router = guarded("events")
LastEventId = Annotated[
    str | None, Header(description="The id of the last event that was seen: the stream continues after it.")
]


async def hub_of(request: Request) -> Hub:
    """The hub of the running event loop."""
    found: Hub = request.app.state.hubs.here()
    return found


Meeting = Annotated[Hub, Depends(hub_of)]


def followed_job(vault: Vault, job: JobId) -> str:
    """The job's whole id: an unknown job is refused before the stream begins."""
    return vault.jobs.show(job).id


def followed_machine(
    vault: Vault, machine: Annotated[str | None, Query(description="Only of this machine.")] = None
) -> str | None:
    """The machine's id."""
    return None if machine is None else vault.machines.id_of(machine)


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def follow_job(
    vault: Vault,
    hub: Meeting,
    standing: Standing,
    job: Annotated[str, Depends(followed_job)],
    last_event_id: LastEventId = None,
) -> AsyncIterable[rest.Job]:
    """The job each time that it, or one of the few jobs that it started, has changed, until it has ended; if
    it started many, each time that one of them changes its state. The first event is the job as it is now,
    unless that was the last one seen."""
    async for event in streams.job(vault, hub, standing, job, last_event_id):
        yield event  # type: ignore[misc]


@router.get("/events", response_class=EventSourceResponse)
async def follow_vault(
    vault: Vault,
    hub: Meeting,
    standing: Standing,
    machine: Annotated[str | None, Depends(followed_machine)],
    kind: Annotated[
        list[rest.EventKind] | None, Query(description="Only of these kinds, and resets.")
    ] = None,
    last_event_id: LastEventId = None,
) -> AsyncIterable[rest.Event]:
    """Jobs and machines each time they change, without end. With the id of the last event, the stream
    continues after it, or begins with a reset if what was missed is no longer known."""
    async for event in streams.events(vault, hub, standing, machine, frozenset(kind or ()), last_event_id):
        yield event  # type: ignore[misc]


@router.get("/live", response_class=EventSourceResponse)
async def follow_rows(
    vault: Vault,
    hub: Meeting,
    standing: Standing,
    query: Annotated[LiveQuery, Query()],
    last_event_id: LastEventId = None,
) -> AsyncIterable[LiveBatch]:
    """Machines and jobs as rows: first all (`whole`), or what has changed since the mark; then what changes
    (`changes`), in one batch a second at most. Every 15 seconds at least an event comes, if only to say that
    the vault is there (`alive`)."""
    mark = last_event_id or query.mark
    async for event in live.events(vault, hub, standing, mark, query.interval):
        yield event  # type: ignore[misc]
