"""What is known here of networks of production that ones of a test failover stand for."""

from collections.abc import Sequence

from ....domain.networks import subnets
from ....wire.control.checks import CheckTarget, StandIn
from ..context import Context


def known(context: Context, payload: CheckTarget) -> tuple[StandIn, ...]:
    """Of those that are asked for, whether or not they are here."""
    if not payload.stand_ins:
        return ()
    there = {network.name: network.subnets for network in context.fabric.networks.list()}
    return tuple(
        StandIn(network=name, subnet=_subnet(there.get(name, ())))
        for name in dict.fromkeys(payload.stand_ins)
    )


def _subnet(found: Sequence[str]) -> str | None:
    """The only one: of several nobody knows which one a machine is in."""
    return subnets.usable_or_none(found[0]) if len(found) == 1 else None
