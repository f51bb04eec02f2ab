"""The machines and networks of a site: its appliances are asked, and the answer is kept for when they cannot
be."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ....domain import errors
from ....wire.common.base import Problem
from ....wire.common.machines import DiscoveredMachine
from ....wire.control.orders import DISCOVER, Discover, Inventory
from ...steps import lookup
from ...store import ApplianceRecord, InventoryRecord, MachineRecord
from ..parts import Parts
from .answered_order import ask_each

DISCOVER_SECONDS = 20.0
SITES_AT_ONCE = 16

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class SiteContents:
    """What a site has now; with a `problem`, what it had at `seen_at`, or nothing if it was never asked. If
    `seen_at` is now, one of its appliances did not answer, and what that one has is missing."""

    inventory: Inventory
    problem: Problem | None = None
    seen_at: datetime | None = None


def now(parts: Parts, site: str) -> SiteContents:
    """All machines and networks of the site now, as far as its appliances answer; several beside one
    hypervisor report the same, so each machine is listed once. Raises NotFound, and if none answers
    ApplianceUnreachable, DeadlineExceeded, or the error that one reports."""
    found = _asked(parts, site)
    if isinstance(found, errors.SecondsiteError):
        raise found
    return found


def _asked(parts: Parts, site: str) -> SiteContents | errors.SecondsiteError:
    """The contents, with a problem that names the appliances which did not answer; or the error, if none did.
    It concerns this site only."""
    with parts.store.reading() as tx:
        if tx.sites.find(site) is None:
            raise errors.NotFound.named("site", site)
        appliances = connected(parts, tx.appliances.list(site))
    if not appliances:
        return errors.ApplianceUnreachable(f"No appliance of site {site} has a connection to the vault.")
    try:
        answers = ask_each(parts, appliances, DISCOVER, Discover(), DISCOVER_SECONDS)
    except errors.DeadlineExceeded as busy:  # many wait already
        return busy
    silent = [each for each in answers if isinstance(each, errors.SecondsiteError)]
    seen = [each for each in answers if isinstance(each, Inventory)]
    if silent and not seen:
        return silent[0]
    found = lookup.merged(seen)
    if silent:
        return SiteContents(found, Problem.of(silent[0]), parts.now())
    _keep(parts, site, found)
    return SiteContents(found)


def unprotected(
    site: str, inventory: Inventory, machines: Iterable[MachineRecord]
) -> list[DiscoveredMachine]:
    """The machines of a site's inventory that are none of the vault's `machines`, and no copy of one."""
    taken = {place for each in machines for place in _places(each)}
    ids = {key for key in taken if isinstance(key, str)}
    return [
        each for each in inventory.machines if (site, each.fabric_id) not in taken and each.tag not in ids
    ]


def _places(machine: MachineRecord) -> tuple[str | tuple[str, str], ...]:
    source = (machine.source_site, machine.source_fabric_id)
    return machine.id, source, (machine.target_site, machine.target_fabric_id)


def now_or_last(parts: Parts, site: str) -> SiteContents:
    """The present contents of the site, or the last known ones. Raises what `now` raises if the site
    was never asked."""
    found = _now_or_last(parts, site)
    if isinstance(found, errors.SecondsiteError):
        raise found
    return found


def _now_or_last(parts: Parts, site: str) -> SiteContents | errors.SecondsiteError:
    found = _asked(parts, site)
    if not isinstance(found, errors.SecondsiteError):
        return found
    with parts.store.reading() as tx:
        last = tx.inventories.find(site)
    return found if last is None else SiteContents(last.inventory, Problem.of(found), last.seen_at)


def seen(parts: Parts, site: str) -> SiteContents:
    """As `now_or_last`; for a site that was never asked and cannot be asked now, only the problem. Raises
    NotFound."""
    found = _now_or_last(parts, site)
    if isinstance(found, errors.SecondsiteError):
        return SiteContents(Inventory(machines=(), networks=()), Problem.of(found))
    return found


def at_once(sites: Sequence[str], ask: Callable[[str], S]) -> list[S]:
    """The result of `ask` for each site, in their order; a site that does not answer does not delay the
    others."""
    with ThreadPoolExecutor(SITES_AT_ONCE, "discovery") as pool:
        return list(pool.map(ask, sites))


def _keep(parts: Parts, site: str, found: Inventory) -> None:
    with parts.store.transaction() as tx:
        if tx.sites.find(site) is not None:
            tx.inventories.put(InventoryRecord(site, parts.now(), found))


def connected(parts: Parts, appliances: Sequence[ApplianceRecord]) -> list[ApplianceRecord]:
    return [appliance for appliance in appliances if parts.gateway.is_connected(appliance.id)]
