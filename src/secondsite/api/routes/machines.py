"""Routes: machines under protection, and those that could be."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from ...wire import rest
from ..access import Vault
from .names import MachineName, OnlySite

router = APIRouter(tags=["machines"])


@router.get("/machines")
def list_machines(vault: Vault, query: Annotated[rest.MachineQuery, Query()]) -> rest.MachinePage:
    """Machines under protection, by name."""
    return vault.machines.list(query)


@router.get("/discovery")
def discover_machines(vault: Vault, site: OnlySite = None) -> Sequence[rest.SiteMachines]:
    """Machines that could be protected, per site; of a site that cannot be asked now those that it had, and why."""
    return vault.machines.discovered(site)


@router.get("/machines/{machine}")
def show_machine(vault: Vault, machine: MachineName) -> rest.Machine:
    """One machine, with the notes of its drills."""
    return vault.machines.show(machine)


@router.get("/machines/{machine}/rpo")
def show_rpo(
    vault: Vault,
    machine: MachineName,
    since: Annotated[
        datetime | None,
        Query(description="From then on; without a zone it is UTC. All that is kept, if left out."),
    ] = None,
) -> Sequence[rest.RpoSample]:
    """Its RPO every ten seconds since then, oldest first; a week is kept."""
    return vault.machines.rpo(machine, since)
