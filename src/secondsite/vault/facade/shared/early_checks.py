"""Early checks of a request's names: whether the site has these machines, disks and networks.

The job checks everything again, and more; but a typing error is refused before there is a job.
"""

from collections.abc import Iterable

from ....domain import errors
from ....domain.drills.networks import MADE, NO_NETWORK
from ....wire import rest
from ....wire.control.orders import Inventory
from ...steps import lookup, seeds
from ..parts import Parts
from . import answered_order, discovery


def refuse_unknown(parts: Parts, request: rest.EnableProtection) -> None:
    """Raises NotFound for a machine that the source site does not have, InvalidArgument for a disk that it
    does not have."""
    with parts.store.reading() as tx:
        lookup.refuse_same_site(request.source_site, request.target_site)
        lookup.appliances_of(tx, request.source_site)
        known = tx.machines.find_all(request.machines, request.source_site)
    new = [name for name in request.machines if name not in known]
    found = _inventory(parts, request.source_site) if new else None
    if found is None:
        return
    for name in new:
        machine = lookup.find_machine(found, name, request.source_site)
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


def _inventory(parts: Parts, site: str) -> Inventory | None:
    """None when the site does not answer: the job reports that, and may wait for it."""
    try:
        return discovery.inventory(parts, site)
    except answered_order.UNANSWERED:
        return None
