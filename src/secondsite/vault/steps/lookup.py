"""Who takes part: sites, their appliances, and the machine that a person named."""

from collections.abc import Sequence

from ...domain import errors
from ...wire.common.machines import DiscoveredMachine
from ...wire.control.orders import Inventory
from .. import ports


def refuse_same_site(source: str, target: str) -> None:
    if source == target:
        raise errors.InvalidArgument(
            f"Source and target are both site '{source}'.", do="Name another site with --target."
        )


def appliance_of(tx: ports.Transaction, site: str) -> ports.ApplianceRecord:
    """The site's appliance, a connected one first; raises NotFound naming the next command."""
    if tx.sites.find(site) is None:
        raise errors.NotFound.named("site", site)
    appliances = sorted(tx.appliances.list(site), key=lambda a: (not a.connected, a.name))
    if not appliances:
        raise errors.NotFound(
            f"Site '{site}' has no appliance.",
            do=f"Make a key: 'secondsite appliance create-registration-key --site {site}'.",
        )
    return appliances[0]


def data_addresses(tx: ports.Transaction, appliance_id: str) -> tuple[str, ...]:
    """Where the appliance's data port can be reached; raises ApplianceUnreachable if it never said hello."""
    appliance = tx.appliances.find(appliance_id)
    if appliance is None or appliance.hello is None:
        name = appliance.name if appliance else appliance_id
        raise errors.ApplianceUnreachable(f"The appliance '{name}' has never been connected.")
    return appliance.hello.data_addresses


def find_machine(inventory: Inventory, name: str, site: str) -> DiscoveredMachine:
    """By fabric id or by name; raises NotFound, or InvalidArgument for a name that is not unique."""
    found = [m for m in inventory.machines if name in (m.fabric_id, m.name)]
    if len(found) > 1:
        raise errors.InvalidArgument(
            f"Site '{site}' has {len(found)} machines named '{name}'.",
            do="Give the machine's id instead of its name.",
        )
    if not found:
        known = ", ".join(sorted(m.name for m in inventory.machines)) or "none"
        raise errors.NotFound(
            f"Site '{site}' has no machine '{name}'.",
            do=f"Machines there: {known}. See 'secondsite machine list'.",
        )
    return found[0]


def chosen_disks(machine: DiscoveredMachine, wanted: Sequence[str]) -> tuple[str, ...]:
    """The keys of the disks to replicate, all by default; raises InvalidArgument for one that is not there."""
    known = [disk.key for disk in machine.definition.disks]
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise errors.InvalidArgument(
            f"Machine '{machine.name}' has no disk {', '.join(unknown)}.",
            do=f"Its disks are {', '.join(known)}.",
        )
    return tuple(key for key in known if not wanted or key in wanted)
