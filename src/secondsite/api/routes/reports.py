"""Routes: what protection would take, and the weekly report."""

from typing import Annotated

from fastapi import Query

from ...wire.rest.access.reports import Report
from ...wire.rest.predictions import Capacity, CapacityQuery
from ..access import Vault
from ..routers import guarded

router = guarded("reports")


@router.get("/capacity")
def plan_capacity(vault: Vault, query: Annotated[CapacityQuery, Query()]) -> Capacity:
    """What it takes to protect machines from one site to another: bandwidth, the time of the first copies,
    space and memory. What a machine writes is measured by its recovery points, else assumed. Starts
    nothing."""
    return vault.capacities.plan(query)


@router.get("/report")
def show_report(vault: Vault) -> Report:
    """The state of protection and of the week until now: coverage by site, RPO and RTO against goals, drills
    that were and that should have been, changes since the last good drill, open findings, and who asked for
    what. The sites are asked for their machines."""
    return vault.reports.make()
