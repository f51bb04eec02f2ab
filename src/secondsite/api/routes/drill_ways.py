"""Routes: people in the machines of open test failovers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response

from ...wire.rest.access import drill_passes as rest
from ..access import Known, Vault
from ..headers import OnceHeader
from ..routers import guarded
from ..way_answer import WayAnswer
from .names import MachineName, PassId, WayId

router = guarded("drills")


@router.get("/machines/{machine}/drill/passes")
def list_drill_passes(vault: Vault, machine: MachineName) -> rest.DrillEntries:
    """Who may come into the machine of the open test failover, and who did."""
    return vault.drill_passes.show(machine)


@router.post("/machines/{machine}/drill/passes", status_code=HTTPStatus.CREATED)
def give_drill_pass(
    vault: Vault, machine: MachineName, once: OnceHeader, request: rest.DrillPassGive
) -> rest.DrillPassInfo:
    """Lets a person in for a time; replaces a pass that the person has. It ends with the test failover."""
    return vault.drill_passes.give(machine, request, once)


@router.delete("/machines/{machine}/drill/passes/{pass_id}", status_code=HTTPStatus.NO_CONTENT)
def end_drill_pass(vault: Vault, machine: MachineName, pass_id: PassId) -> None:
    """Ends a pass, and within some seconds the ways that are open by it."""
    vault.drill_passes.end(machine, pass_id)


@router.post(
    "/machines/{machine}/drill/way",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"application/octet-stream": {}}, "description": "The way."}},
)
def open_drill_way(
    vault: Vault, request: Request, machine: MachineName, query: Annotated[rest.DrillWayQuery, Query()]
) -> Response:
    """Opens a way into the machine of the open test failover, for whoever has a pass. The request's body,
    sent in chunks while the answer comes, goes to the machine; what the machine says is the answer. Either
    side ends it."""
    apart = request.app.state.ways if query.typed_apart else None
    return WayAnswer(vault.drill_ways.open(machine, query), apart)


@router.post("/drills/ways/{way}", status_code=HTTPStatus.NO_CONTENT)
async def type_into_drill_way(request: Request, known: Known, way: WayId, said: rest.DrillTyped) -> None:
    """Gives something to the machine by an open way that was opened with `typed_apart`, with the same token
    or session. Answers once there is room for the next: send one after the other. 404: the way has ended.
    409: the machine takes nothing, and nothing of this was taken."""
    await request.app.state.ways.say(way, known, said.decoded())
