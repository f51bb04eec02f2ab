"""What is known here of networks of production that ones of a test failover stand for."""

from collections.abc import Sequence

from ....domain.networks import subnets
from ....wire.common.cards import MOST_RANGES
from ....wire.common.machines import NetworkInfo
from ....wire.control.checks import CheckTarget, StandIn
from ..context import Context


def known(context: Context, payload: CheckTarget) -> tuple[StandIn, ...]:
    """Of those that are asked for, whether or not they are here."""
    if not payload.stand_ins:
        return ()
    there = {network.name: network for network in context.fabric.networks.list()}
    return tuple(
        _known(context, name, there.get(name), payload.makes) for name in dict.fromkeys(payload.stand_ins)
    )


def _known(context: Context, name: str, network: NetworkInfo | None, makes: Sequence[str]) -> StandIn:
    if network is None:
        return StandIn(network=name)
    subnet = _subnet(network.subnets)
    unserved = None if subnet is None else context.fabric.networks.cannot_serve(subnet, makes)
    return StandIn(
        network=name,
        subnet=subnet,
        ranges=network.ranges[:MOST_RANGES] if subnet is not None else (),
        gives_addresses=network.gives_addresses,
        unserved=None if unserved is None else unserved.what,
    )


def _subnet(found: Sequence[str]) -> str | None:
    """The only one: of several nobody knows which one a machine is in."""
    return subnets.usable_or_none(found[0]) if len(found) == 1 else None
