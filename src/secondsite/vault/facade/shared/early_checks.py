"""Early checks of machines that are to be protected: does their site have them, and the disks that were named?

The job checks everything again, and more; but a typing error is refused before there is a job.
"""

from ....wire import rest
from ....wire.control.orders import Inventory
from ...steps import lookup, seeds
from ..parts import Parts
from . import asking, discovery


def refuse_unknown(parts: Parts, request: rest.EnableProtection) -> None:
    """Raises NotFound for a machine that the source site does not have, InvalidArgument for a disk that it does not
    have."""
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


def _inventory(parts: Parts, site: str) -> Inventory | None:
    """None when the site does not answer: the job then says so, and may wait for it."""
    try:
        return discovery.inventory(parts, site)
    except asking.UNANSWERED:
        return None
