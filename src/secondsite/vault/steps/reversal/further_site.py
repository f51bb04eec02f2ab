"""On to a further site: a machine that was failed over from a to b is protected to c. What it left at a stays
there, off and withdrawn, and can be taken up by a later reprotect, which then sends only what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ....domain import errors, shell
from ....domain.machines import platforms
from ....jobs.storage.database import Session
from ....wire.common.stores import LeftDisks, Placement
from ....wire.control import orders
from ...store import ApplianceRecord, MachineRecord, Transaction
from .. import enabling
from ..absent_site import finish_later
from ..absent_site.finish_later import LaterArguments
from ..deps import Deps


def appliances(tx: Transaction, machine: MachineRecord) -> Sequence[ApplianceRecord]:
    """The appliances to which a failed-over machine can be protected: those of all sites but the one where it
    runs; those of the site that it came from first, then by site and name."""
    found = (each for each in tx.appliances.list() if each.site != machine.target_site)
    return sorted(found, key=lambda each: (each.site != machine.source_site, each.site, each.name, each.id))


def require_able(machine: MachineRecord, site: str) -> None:
    """Raises NotPossibleNow for a member of a group, whose machines go between two sites, and for a server,
    which stays at its home's hardware."""
    if machine.group is not None:
        raise errors.NotPossibleNow(
            f"{machine.name} is in group '{machine.group}', whose machines go between two sites, and {site} "
            "is neither of them.",
            do="Take it out first: 'secondsite group remove "
            f"{shell.arguments(machine.group, machine.name)}'.",
        )
    if not platforms.has_hypervisor(machine.definition.fabric_kind):
        raise errors.NotPossibleNow(
            f"{machine.name} is a server with an agent, which goes between its home and one other site.",
            do="Reprotect it without '--target-appliance', or name an appliance of the site that it came "
            f"from: 'secondsite machine appliances {shell.arguments(machine.name)}'.",
        )


def has_disks(machine: MachineRecord, appliance: ApplianceRecord) -> bool:
    """Whether the machine left disks with it."""
    return appliance.id == _appliance_at(machine, appliance.site)


def fabric_id(machine: MachineRecord, site: str) -> str:
    """The id that the machine has, had, or will have at that site's hypervisor."""
    if site == machine.source_site:
        return machine.source_fabric_id
    left = machine.left.get(site)
    if left is None and site == machine.home_site:  # its appliance was deleted, and another one is there
        return machine.definition.fabric_id
    return left.fabric_id if left is not None else enabling.at_site(machine.definition, site)


def kept(before: MachineRecord, now: MachineRecord, store: str | None) -> Mapping[str, Placement]:
    """Where replicas are kept, and what was left at further sites, once the machine has its roles of `now`;
    `store`: the one that was asked for at its target."""
    found = dict(before.keeping)
    if now.target_site != before.source_site:
        at = before.failed_over_at or before.created_at
        there = LeftDisks(appliance_id=before.source_appliance_id, fabric_id=before.source_fabric_id, at=at)
        was = found.get(before.source_site, Placement())
        found[before.source_site] = was.model_copy(update={"left": there})
    had = _appliance_at(before, now.target_site)
    there_now = found.pop(now.target_site, None)
    if store is not None:
        found[now.target_site] = Placement(store=store)
    elif there_now is not None and had == now.target_appliance_id:
        # a store's name has no meaning at another appliance
        found[now.target_site] = there_now.model_copy(update={"left": None})
    return found


def _appliance_at(machine: MachineRecord, site: str) -> str | None:
    if site == machine.source_site:
        return machine.source_appliance_id
    left = machine.left.get(site)
    return left.appliance_id if left is not None else None


def coming_to(tx: Transaction, machine: MachineRecord) -> str:
    """The site of the appliance to which it is being reprotected."""
    coming = tx.appliances.find(machine.coming_appliance_id) if machine.coming_appliance_id else None
    return coming.site if coming is not None else machine.source_site


def give_up(tx: Transaction, appliance: ApplianceRecord) -> None:
    """When an appliance is deleted: what machines left with it counts for nothing any more."""
    for machine in tx.machines.list():
        left = machine.left.get(appliance.site)
        if left is not None and left.appliance_id == appliance.id:
            kept_on = {site: each for site, each in machine.keeping.items() if site != appliance.site}
            tx.machines.put(replace(machine, keeping=kept_on))


def let_go(deps: Deps, session: Session, machine: MachineRecord) -> None:
    """When protection ends: queue what is to be done at each site at which the machine left something. Its
    replica there is removed; at home its old definition is there again, off."""
    for site, left in machine.left.items():
        at_home = site == machine.home_site
        payload = orders.RemoveReplica(ended=True, restore_machine=at_home, fabric_id=left.fabric_id)
        stays = "the old machine is defined there again, off" if at_home else "what it left there is removed"
        asked = LaterArguments(
            appliance_id=left.appliance_id,
            site=site,
            kind=orders.Kind.REMOVE_REPLICA,
            payload=payload.model_dump(mode="json"),
            generation=None,
            why=stays,
        )
        finish_later.queue(deps, session, asked, machine.id, machine.name)
