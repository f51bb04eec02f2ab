"""Routes: the vault itself."""

from typing import Annotated

import anyio
from fastapi import Query, Response
from fastapi.responses import PlainTextResponse

from ...domain import lifecycle
from ...wire import rest
from ...wire.rest.validation import Validation
from ..access import Vault
from ..prerendered import written
from ..routers import guarded, open_to_all

_one_at_a_time = anyio.CapacityLimiter(1)
"""Of their own: who asks for readiness waits for no other request."""
router = guarded("vault")
open_router = open_to_all("vault")
"""Calls without a token."""


@open_router.get("/health")
def show_health() -> rest.Liveness:
    """Whether this process answers; says nothing else to strangers."""
    return rest.Liveness()


@open_router.get("/ready")
async def show_readiness(vault: Vault) -> rest.Liveness:
    """Whether this process serves: 503 while it has lost its database, so that a load balancer asks
    another one, or can write nothing there, as on a full disk."""
    vault.parts.served()
    await anyio.to_thread.run_sync(vault.parts.writable, limiter=_one_at_a_time)
    return rest.Liveness()


@open_router.get("/ca", response_class=PlainTextResponse)
def show_ca(vault: Vault) -> str:
    """The CA's certificate (PEM). Compare its fingerprint before you trust it."""
    return vault.info.ca_pem()


@router.get("/vault")
def show_vault(vault: Vault) -> rest.Vault:
    """What this vault is, and how much it holds."""
    return vault.info.show()


@router.get("/summary", response_model=rest.Summary)
def show_summary(vault: Vault) -> Response:
    """All machines under protection at a glance: how many are in which state, how healthy, the worst RPO;
    and the sites."""
    return written(vault.machines.summary())


@router.get("/validation")
def validate(
    vault: Vault,
    now: Annotated[
        bool, Query(description="Check again, and wait for that; else what the last check found.")
    ] = False,
) -> Validation:
    """What is wrong in the whole configuration: networks, appliances, stores, policies, plans and their
    scripts, schedules, and whether each machine could be failed over. The vault checks it twice a day by
    itself. Starts nothing."""
    return vault.validations.now() if now else vault.validations.last()


@router.get("/lifecycle")
def show_lifecycle() -> rest.Lifecycle:
    """The table that decides what is possible in which state."""
    return rest.Lifecycle(
        transitions=tuple(
            rest.Transition(state=row.state, trigger=row.trigger, next=row.next, by=row.by, source=row.source)
            for row in lifecycle.TABLE
        ),
        drill=tuple(
            rest.DrillTransition(state=row.state, trigger=row.trigger, next=row.next, source=row.source)
            for row in lifecycle.DRILL_TABLE
        ),
    )
