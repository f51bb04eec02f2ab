"""Routes: the vault itself."""

from typing import Annotated

import anyio
from fastapi import Header, Query, Response
from fastapi.responses import PlainTextResponse

from ...domain import lifecycle
from ...vault.facade import VaultFacade
from ...vault.metrics.exposition import CONTENT_TYPE
from ...wire import rest
from ...wire.rest.glance.overview import Overview
from ...wire.rest.validation import Validation
from ..access import Vault
from ..prerendered import as_json, written
from ..routers import guarded, open_to_all

_one_scrape = anyio.CapacityLimiter(1)
_one_at_a_time = anyio.CapacityLimiter(1)
"""A limiter of its own: a readiness check does not wait for other requests."""
router = guarded("vault")
open_router = open_to_all("vault")
"""The router of calls without a token."""


@open_router.get("/health")
def show_health() -> rest.Liveness:
    """Whether this process answers; tells strangers nothing else."""
    return rest.Liveness()


@open_router.get("/ready")
async def show_readiness(vault: Vault) -> rest.Liveness:
    """Whether this process can serve: 503 while it has lost its database, or can write nothing there, as on a
    full disk; a load balancer then asks another process."""
    vault.parts.served()
    await anyio.to_thread.run_sync(vault.parts.writable, limiter=_one_at_a_time)
    return rest.Liveness()


TEXT = {"text/plain": {"schema": {"type": "string"}}}


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
    """Overview of all machines under protection: how many are in which state, their health, the worst RPO;
    and the sites."""
    return written(vault.machines.summary())


@router.get("/overview", response_model=Overview)
def show_overview(vault: Vault) -> Response:
    """What needs somebody now, how fresh and how ready everything is, what is under way, and what replicates
    where: of bounded size, however many machines there are."""
    return as_json(vault.overviews.as_json())


@router.get("/metrics", response_class=Response, responses={200: {"content": TEXT}})
async def show_metrics(
    vault: Vault, accept_encoding: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Numbers of all machines, appliances and jobs for a monitoring system, in the text format of
    Prometheus."""
    vault.parts.loop_lag.begin()
    packed = "gzip" in accept_encoding
    body = await anyio.to_thread.run_sync(_scraped, vault, packed, limiter=_one_scrape)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if packed else {}
    return Response(body, media_type=CONTENT_TYPE, headers=headers)


def _scraped(vault: VaultFacade, packed: bool) -> bytes:
    """Packed here, and not in the loop: a thousand machines are two megabytes."""
    found = vault.metrics.exposition()
    return found.packed() if packed else found.text()


@router.get("/validation")
def validate(
    vault: Vault,
    now: Annotated[
        bool, Query(description="Check now and wait for the result; default: the result of the last check.")
    ] = False,
) -> Validation:
    """Checks the whole configuration: networks, appliances, stores, policies, plans and their scripts,
    schedules, and whether each machine could be failed over. The vault also does this twice a day by itself.
    Starts nothing."""
    return vault.validations.now() if now else vault.validations.last()


@router.get("/lifecycle")
def show_lifecycle() -> rest.Lifecycle:
    """The lifecycle table: which verbs are possible in which state."""
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
