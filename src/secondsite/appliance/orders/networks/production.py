"""Warns of networks for a test failover that lead to production: machines of this site's owner are on them,
or can be reached from them."""

from collections.abc import Collection, Iterator, Sequence

from ....domain.networks import subnets
from ....ground.plural import counted
from ....wire.common.cards import MOST_RANGES
from ....wire.common.machines import NetworkInfo
from ....wire.control.checks import CheckTarget, NetworkCandidate, ObstacleShape
from ..context import Context


def warnings(context: Context, payload: CheckTarget, drills: Collection[str]) -> Iterator[ObstacleShape]:
    """Warnings about the networks of a test failover. `drills`: ids of the machines of test failovers, which
    are not production."""
    if not payload.test_networks:
        return
    users: dict[str, list[str]] = {name: [] for name in payload.test_networks}
    for found in context.fabric.inventory.list():
        if found.fabric_id not in drills:
            for network in {nic.network for nic in found.definition.nics} & users.keys():
                users[str(network)].append(found.name)
    for network, names in users.items():
        if names:
            yield _warning(network, sorted(names))
    for info in context.fabric.networks.list():
        if info.name in users and info.leads_to:
            yield _not_isolated(info.name, info.leads_to)


def _not_isolated(network: str, leads_to: Sequence[str]) -> ObstacleShape:
    return ObstacleShape(
        what=f"The network '{network}' is not isolated: a test machine on it can reach "
        f"{', '.join(leads_to[:3])}, and may be taken there for the one of production.",
        do="Use '--network create', or a network that leads nowhere.",
        blocking=False,
    )


def _warning(network: str, names: list[str]) -> ObstacleShape:
    more = f" and {counted(len(names) - 3, 'other machine')}" if len(names) > 3 else ""
    return ObstacleShape(
        what=f"The network '{network}' is one of production: {', '.join(names[:3])}{more} of this site are "
        "on it. Two machines may have the same address there.",
        do="Use '--network create', or a network that only test failovers use.",
        blocking=False,
    )


# What is known here of the networks of production for which the networks of a test failover stand.


def known(context: Context, payload: CheckTarget) -> tuple[NetworkCandidate, ...]:
    """What is known of each network of production that is asked for, whether it exists here or not."""
    if not payload.stand_ins:
        return ()
    there = {network.name: network for network in context.fabric.networks.list()}
    return tuple(
        _known(context, name, there.get(name), payload.makes) for name in dict.fromkeys(payload.stand_ins)
    )


def _known(
    context: Context, name: str, network: NetworkInfo | None, makes: Sequence[str]
) -> NetworkCandidate:
    if network is None:
        return NetworkCandidate(network=name)
    subnet = _subnet(network.subnets)
    unserved = None if subnet is None else context.fabric.networks.cannot_serve(subnet, makes)
    return NetworkCandidate(
        network=name,
        subnet=subnet,
        ranges=network.ranges[:MOST_RANGES] if subnet is not None else (),
        gives_addresses=network.gives_addresses,
        unserved=None if unserved is None else unserved.what,
    )


def _subnet(found: Sequence[str]) -> str | None:
    """The network's subnet; None if it has several, since nobody knows which one a machine is in."""
    return subnets.usable_or_none(found[0]) if len(found) == 1 else None
