"""Routes: what protection would take."""

from typing import Annotated

from fastapi import Query

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
