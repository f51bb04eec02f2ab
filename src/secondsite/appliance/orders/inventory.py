"""Orders about what the site has: machines and networks."""

from ...ground.plural import counted
from ...wire.common.machines import DiscoveredMachine
from ...wire.control.orders import CreatedNetwork, CreateNetwork, Discover, Inventory, Nothing
from .context import Context
from .networks import drill_networks


def discover(context: Context, payload: Discover) -> tuple[str, Inventory]:
    """The site's machines and networks, or what is known of the one machine that is asked for."""
    machines = tuple(
        DiscoveredMachine(
            fabric_id=each.fabric_id,
            name=each.name,
            power=str(each.power),
            tag=each.tag,
            definition=each.definition,
        )
        for each in context.fabric.inventory.list()
        if payload.machine in (None, each.fabric_id, each.name)
    )
    asked = payload.machine is None and context.fabric.properties.networks
    networks = tuple(context.fabric.networks.list()) if asked else ()
    sentence = f"found {counted(len(machines), 'machine')} and {counted(len(networks), 'network')}"
    return sentence, Inventory(machines=machines, networks=networks)


def create_network(context: Context, payload: CreateNetwork) -> tuple[str, CreatedNetwork]:
    if payload.drill is not None:
        return drill_networks.enter(context, payload)
    info = context.fabric.networks.create_isolated(payload.name, context.machine_id)
    return f"isolated network {payload.name} is there", CreatedNetwork(**dict(info))


def remove_network(context: Context, payload: CreateNetwork) -> tuple[str, Nothing]:
    if payload.drill is not None:
        return drill_networks.leave(context, payload), Nothing()
    context.fabric.networks.remove(payload.name, context.machine_id)
    return f"network {payload.name} is gone", Nothing()
