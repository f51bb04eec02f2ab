"""Early checks of a request's names: whether the site has these machines, disks and networks.

The job checks everything again, and more; but a typing error is refused before there is a job.
"""

from collections.abc import Iterable

from ....domain import errors
from ....domain.drills.networks import MADE, NO_NETWORK
from ....wire import rest
from ....wire.common.machines import DiscoveredMachine
from ...steps import lookup, seeds
from ..parts import Parts
from . import answered_order, discovery
from .discovery import SiteContents

MOST_NAMED = 5


def refuse_unknown(parts: Parts, request: rest.EnableProtection) -> None:
    """Raises NotFound for a machine that the source site does not have, InvalidArgument for a disk that it
    does not have."""
    with parts.store.reading() as tx:
        lookup.refuse_same_site(request.source_site, request.target_site)
        lookup.appliances_of(tx, request.source_site)
        known = tx.machines.find_all(request.machines, request.source_site)
    new = [name for name in request.machines if name not in known]
    found = _contents(parts, request.source_site) if new else None
    if found is None:
        return
    for name in new:
        if found.problem is not None and not lookup.has(found.inventory, name):
            continue  # the appliance that did not answer may have it: the job asks once more
        machine = _found(parts, found, name, request.source_site)
        disks = lookup.chosen_disks(machine, request.disks.get(name, ()))
        seeds.require_disks(machine.name, disks, seeds.asked(request, name))


def refuse_unknown_network(parts: Parts, network: str, sites: Iterable[str]) -> None:
    """Raises NotFound for a drill's network that one of the sites does not have; a site with an appliance
    that does not answer may have it."""
    if network in (*MADE, NO_NETWORK):
        return
    for site in sorted(set(sites)):
        try:
            found = discovery.now_or_last(parts, site)
        except answered_order.UNANSWERED:
            continue
        if found.problem is None and network not in {each.name for each in found.inventory.networks}:
            made = ", ".join(f"'{each}'" for each in (*MADE, NO_NETWORK))
            raise errors.NotFound(
                f"Site {site} has no network '{network}'.",
                do=f"List them with 'secondsite network list', or give one of: {made}.",
            )


def _contents(parts: Parts, site: str) -> SiteContents | None:
    """None when the site does not answer: the job reports that, and may wait for it."""
    try:
        return discovery.now(parts, site)
    except answered_order.UNANSWERED:
        return None


def _found(parts: Parts, seen: SiteContents, name: str, site: str) -> DiscoveredMachine:
    """Raises NotFound, which says who was not asked."""
    try:
        return lookup.find_machine(seen.inventory, name, site)
    except errors.NotFound as unknown:
        with parts.store.reading() as tx:
            away = [each.name for each in tx.appliances.list(site) if not parts.gateway.is_connected(each.id)]
        if not away:
            raise
        raise errors.NotFound(
            f"Site '{site}' has no machine '{name}' as far as its appliances are connected; "
            f"{', '.join(away[:MOST_NAMED])} {'is' if len(away) == 1 else 'are'} not.",
            do=f"If it is there: see why with 'secondsite appliance list'. {unknown.do}",
        ) from unknown
