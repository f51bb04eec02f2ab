"""What a site has, asked of its appliances now."""

from collections.abc import Sequence

from ...domain import errors
from ...wire.machines import DiscoveredMachine, NetworkInfo
from ...wire.orders import Inventory, Kind, Nothing
from .. import ports
from .asking import ask_and_wait
from .parts import Parts

DISCOVER_SECONDS = 20.0


def inventory(parts: Parts, site: str) -> Inventory:
    """All machines and networks of the site; several appliances beside one hypervisor say the same, so each
    machine is listed once. Raises NotFound, ApplianceUnreachable, DeadlineExceeded, FabricError."""
    with parts.store.reading() as tx:
        if tx.sites.find(site) is None:
            raise errors.NotFound.named("site", site)
        appliances = connected(parts, tx.appliances.list(site))
    if not appliances:
        raise errors.ApplianceUnreachable(f"No appliance of site {site} has a connection to the vault.")
    answers = ask_and_wait(parts, appliances, Kind.DISCOVER, Nothing(), DISCOVER_SECONDS)
    return _merged([Inventory.model_validate(answer) for answer in answers])


def connected(parts: Parts, appliances: Sequence[ports.ApplianceRecord]) -> list[ports.ApplianceRecord]:
    return [appliance for appliance in appliances if parts.gateway.is_connected(appliance.id)]


def _merged(inventories: Sequence[Inventory]) -> Inventory:
    machines: dict[str, DiscoveredMachine] = {}
    networks: dict[str, NetworkInfo] = {}
    for found in inventories:
        machines |= {machine.fabric_id: machine for machine in found.machines}
        networks |= {network.name: network for network in found.networks}
    return Inventory(
        machines=tuple(sorted(machines.values(), key=lambda machine: (machine.name, machine.fabric_id))),
        networks=tuple(sorted(networks.values(), key=lambda network: network.name)),
    )
