"""Routes: machines under protection, and machines that could be protected."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response

from ...domain.rpo_samples import SLOT_SECONDS
from ...ground.units import DAY
from ...wire import rest
from ...wire.common.numbers import InstantOrUtc
from ...wire.rest.glance.machine_rows import MachineRowQuery, MachineRows
from ...wire.rest.preflights import ApplianceCandidates, EligibilityQuery, Preflight
from ..access import Caller, Vault
from ..headers import LOCATION, OnceHeader, answers, locate
from ..prerendered import as_json, as_packed_json
from ..routers import guarded
from .names import MachineName, OnlySite, SiteName

router = guarded("machines")


@router.get("/machines", response_model=rest.MachinePage)
def list_machines(vault: Vault, query: Annotated[rest.MachineQuery, Query()]) -> Response:
    """Machines under protection."""
    return as_json(vault.machines.list(query))


@router.get("/machine-rows", response_model=MachineRows)
def list_machine_rows(vault: Vault, request: Request, query: Annotated[MachineRowQuery, Query()]) -> Response:
    """Machines under protection as short rows, all of them in one piece. They change only when their machines
    do: `GET /api/live` with the answer's mark tells what has changed since."""
    return as_packed_json(request, vault.machine_rows.list_as_json(query))


@router.get("/discovery")
def discover_machines(vault: Vault, site: OnlySite = None) -> Sequence[rest.SiteMachines]:
    """Machines that could be protected, by site; for a site that cannot be asked now, the last known ones and
    the reason."""
    return vault.machines.discovered(site)


@router.get("/machines/{machine}", response_model=rest.Machine)
def show_machine(vault: Vault, machine: MachineName) -> Response:
    """One machine, with the notes of its drills."""
    return as_json(vault.machines.show(machine))


@router.get("/machines/{machine}/preflight")
def check_failover(vault: Vault, machine: MachineName) -> Preflight:
    """What would prevent a failover now; both sites are asked, and nothing is changed."""
    return vault.preflights.of(machine)


@router.get("/sites/{site}/machines/{machine}/preflight")
def check_protection(
    vault: Vault, site: SiteName, machine: MachineName, query: Annotated[EligibilityQuery, Query()]
) -> Preflight:
    """What would prevent protecting this machine; both sites are asked, and nothing is changed."""
    return vault.eligibility.of(site, machine, query)


@router.get("/machines/{machine}/appliances")
def list_candidates(vault: Vault, machine: MachineName) -> ApplianceCandidates:
    """The appliances that the machine could be protected back to, and why others do not fit; all are asked,
    and nothing is changed."""
    return vault.candidates.to_come_back(machine)


@router.get("/sites/{site}/machines/{machine}/appliances")
def list_first_candidates(
    vault: Vault, site: SiteName, machine: MachineName, query: Annotated[EligibilityQuery, Query()]
) -> ApplianceCandidates:
    """The appliances of the target site that could hold the machine's replica, and why others do not fit; all
    are asked, and nothing is changed."""
    return vault.candidates.to_protect(site, machine, query)


@router.post(
    "/machines/{machine}/start-anyway",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def start_anyway(
    vault: Vault,
    caller: Caller,
    response: Response,
    once: OnceHeader,
    machine: MachineName,
    request: rest.StartAnyway,
) -> rest.JobAccepted:
    """Starts the old copy of a machine that was failed over, once, although that is normally forbidden: two
    copies may then run."""
    accepted = vault.machines.start_anyway(machine, request, caller, once)
    locate(response, "jobs", accepted.job_id)
    return accepted


@router.get("/machines/{machine}/rpo")
def show_rpo(
    vault: Vault,
    machine: MachineName,
    since: Annotated[
        InstantOrUtc | None,
        Query(description="The time from which on; UTC if it has no zone. Default: all that is kept."),
    ] = None,
    every: Annotated[
        int,
        Query(description="One sample, the largest, of so many seconds.", ge=SLOT_SECONDS, le=DAY),
    ] = SLOT_SECONDS,
) -> Sequence[rest.RpoSample]:
    """The machine's RPO every ten seconds, oldest first; a week is kept."""
    return vault.machines.rpo(machine, since, every)


@router.get("/machines/{machine}/churn")
def show_churn(vault: Vault, machine: MachineName) -> Sequence[rest.ChurnSample]:
    """What the machine wrote between its recovery points, oldest first, as far as they reach back."""
    return vault.machines.churn(machine)
