"""What a site has: its appliances are asked, and the answer is kept for the time when they cannot be."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from ....domain import errors
from ....wire.common.base import Problem
from ....wire.control.orders import DISCOVER, Discover, Inventory
from ... import ports
from ...steps import lookup
from ..parts import Parts
from .asking import ask_and_wait

DISCOVER_SECONDS = 20.0
SITES_AT_ONCE = 16
UNANSWERED: Final = (errors.ApplianceUnreachable, errors.DeadlineExceeded, errors.FabricError)
"""What is raised when a site cannot be asked now."""

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class SiteContents:
    """What a site has now; with a `problem`, what it had at `seen_at`, or nothing if it was never asked."""

    inventory: Inventory
    problem: Problem | None = None
    seen_at: datetime | None = None


def inventory(parts: Parts, site: str) -> Inventory:
    """All machines and networks of the site now; several appliances beside one hypervisor say the same, so each
    machine is listed once. Raises NotFound, ApplianceUnreachable, DeadlineExceeded, FabricError."""
    with parts.store.reading() as tx:
        if tx.sites.find(site) is None:
            raise errors.NotFound.named("site", site)
        appliances = connected(parts, tx.appliances.list(site))
    if not appliances:
        raise errors.ApplianceUnreachable(f"No appliance of site {site} has a connection to the vault.")
    found = lookup.merged(ask_and_wait(parts, appliances, DISCOVER, Discover(), DISCOVER_SECONDS))
    _keep(parts, site, found)
    return found


def now_or_last(parts: Parts, site: str) -> SiteContents:
    """What the site has, or had when it was last asked. Raises what `inventory` raises if it was never asked."""
    try:
        return SiteContents(inventory(parts, site))
    except UNANSWERED as problem:
        with parts.store.reading() as tx:
            last = tx.inventories.find(site)
        if last is None:
            raise
        return SiteContents(last.inventory, Problem.of(problem), last.seen_at)


def seen(parts: Parts, site: str) -> SiteContents:
    """The same; for a site that was never asked and cannot be asked now, only the problem. Raises NotFound."""
    try:
        return now_or_last(parts, site)
    except UNANSWERED as problem:
        return SiteContents(Inventory(machines=(), networks=()), Problem.of(problem))


def at_once(sites: Sequence[str], ask: Callable[[str], S]) -> list[S]:
    """What `ask` gives for each site, in their order; one that does not answer does not delay the others."""
    with ThreadPoolExecutor(SITES_AT_ONCE, "discovery") as pool:
        return list(pool.map(ask, sites))


def _keep(parts: Parts, site: str, found: Inventory) -> None:
    with parts.store.transaction() as tx:
        if tx.sites.find(site) is not None:
            tx.inventories.put(ports.InventoryRecord(site, parts.now(), found))


def connected(parts: Parts, appliances: Sequence[ports.ApplianceRecord]) -> list[ports.ApplianceRecord]:
    return [appliance for appliance in appliances if parts.gateway.is_connected(appliance.id)]
