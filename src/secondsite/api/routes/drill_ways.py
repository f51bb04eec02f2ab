"""Routes: people in the machines of open test failovers."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Response

from ...wire.rest.access import drill_passes as rest
from ..access import Vault
from ..headers import OnceHeader
from ..routers import guarded
from ..way_answer import WayAnswer
from .names import MachineName, PassId

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
    vault: Vault, machine: MachineName, query: Annotated[rest.DrillWayQuery, Query()]
) -> Response:
    """Opens a way into the machine of the open test failover, for whoever has a pass. The request's body,
    sent in chunks while the answer comes, goes to the machine; what the machine says is the answer. Either
    side ends it."""
    return WayAnswer(vault.drill_ways.open(machine, query))
