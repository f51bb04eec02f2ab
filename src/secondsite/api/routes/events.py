"""Routes: what happens, as server-sent events."""

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse

from ...wire import rest
from ..access import Standing, Vault
from ..following import Hub, streams
from ..routers import guarded
from .names import JobId

router = guarded("events")
LastEventId = Annotated[
    str | None, Header(description="The id of the last event that was seen: the stream goes on behind it.")
]


async def hub_of(request: Request) -> Hub:
    """Where those who follow the same meet."""
    found: Hub = request.app.state.hubs.here()
    return found


Meeting = Annotated[Hub, Depends(hub_of)]


def followed_job(vault: Vault, job: JobId) -> str:
    """Its whole id: an unknown job is refused before the stream begins."""
    return vault.jobs.show(job).id


def followed_machine(
    vault: Vault, machine: Annotated[str | None, Query(description="Only of this machine.")] = None
) -> str | None:
    """Its id."""
    return None if machine is None else vault.machines.id_of(machine)


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def follow_job(
    vault: Vault,
    hub: Meeting,
    standing: Standing,
    job: Annotated[str, Depends(followed_job)],
    last_event_id: LastEventId = None,
) -> AsyncIterable[rest.Job]:
    """The job whenever something of it, or of the few jobs that it started, has changed, until it has
    ended; of many: whenever one of them goes into another state. It comes first as it is now, unless that
    was the last that was seen."""
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
    """Jobs and machines whenever they change, without an end. With the id of the last event the stream
    goes on behind it, or begins with a reset when what was missed is not known any more."""
    async for event in streams.events(vault, hub, standing, machine, frozenset(kind or ()), last_event_id):
        yield event  # type: ignore[misc]
