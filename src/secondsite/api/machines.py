"""Routes: machines, their recovery points, and one POST per verb."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter

from ..domain import lifecycle
from ..domain.lifecycle import Verb
from ..domain.points import RecoveryPointChoice
from ..vault.facade.verbs import REQUESTS
from ..wire import rest
from ..wire.base import Shape
from ..wire.inventories import SiteMachines
from ..wire.replication import PointShape
from .access import Caller, Vault

router = APIRouter()


@router.get("/lifecycle", tags=["machines"])
def show_lifecycle() -> dict[str, Any]:
    """The table that decides what is possible in which state."""
    return {
        "transitions": [
            {"state": row.state, "trigger": row.trigger, "next": row.next, "by": row.by, "source": row.source}
            for row in lifecycle.TABLE
        ],
        "drill": [
            {"state": row.state, "trigger": row.trigger, "next": row.next, "source": row.source}
            for row in lifecycle.DRILL_TABLE
        ],
    }


@router.get("/machines", tags=["machines"])
def list_machines(
    vault: Vault, site: str | None = None, discover: bool = False
) -> Sequence[rest.MachineShape]:
    """Machines under protection; with `discover` also those that could be, without the reasons of `discovery`."""
    return vault.machines.list(site, discover)


@router.get("/discovery", tags=["machines"])
def discover_machines(vault: Vault, site: str | None = None) -> Sequence[SiteMachines]:
    """Machines that could be protected, per site; of a site that cannot be asked now those that it had, and why."""
    return vault.machines.discovered(site)


@router.get("/machines/{machine}", tags=["machines"])
def show_machine(vault: Vault, machine: str) -> rest.MachineShape:
    return vault.machines.show(machine)


@router.get("/machines/{machine}/points", tags=["machines"])
def list_points(vault: Vault, machine: str) -> Sequence[PointShape]:
    """Newest first."""
    return vault.points.list(machine)


@router.put("/machines/{machine}/points/{point}/hold", tags=["machines"])
def hold_point(vault: Vault, machine: str, point: str, request: rest.HoldRequest) -> PointShape:
    """Keeps a point, whatever retention says, until it is released."""
    return vault.holds.hold(machine, point, request.reason)


@router.delete("/machines/{machine}/points/{point}/hold", tags=["machines"])
def release_point(vault: Vault, machine: str, point: str) -> PointShape:
    """Ends the hold: retention decides about the point again."""
    return vault.holds.release(machine, point)


@router.post("/machines/{machine}/points/{point}/verify", status_code=HTTPStatus.ACCEPTED, tags=["machines"])
def verify_point(vault: Vault, caller: Caller, machine: str, point: str) -> rest.JobAccepted:
    """Reads a point at the target and compares it with what was sealed; the result marks the point."""
    return vault.points.verify(machine, point, caller)


@router.get("/machines/{machine}/rpo", tags=["machines"])
def show_rpo(vault: Vault, machine: str, since: datetime | None = None) -> Sequence[rest.RpoSample]:
    """Its RPO every ten seconds since then, oldest first; a week is kept."""
    return vault.machines.rpo(machine, since)


@router.get("/machines/{machine}/possible", tags=["machines"])
def show_possible(
    vault: Vault, machine: str, choice: RecoveryPointChoice, point: str | None = None
) -> rest.Possible:
    """The point that this choice would pick now, and what it would lose."""
    return vault.points.possible(machine, choice, point)


def _endpoint(verb: Verb, shape: type[Shape]) -> Callable[..., rest.JobAccepted]:
    def start(vault: Vault, caller: Caller, request: Shape) -> rest.JobAccepted:
        return vault.verbs.start(verb, request, caller)

    start.__annotations__["request"] = shape
    return start


for _verb, _shape in REQUESTS.items():
    router.add_api_route(
        f"/machines/{_verb.value.replace('_', '-')}",
        _endpoint(_verb, _shape),
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        name=_verb.value,
        tags=["verbs"],
    )
