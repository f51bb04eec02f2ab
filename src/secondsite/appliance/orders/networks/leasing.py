"""The addresses of a machine's cards on the network of a test failover."""

from collections.abc import Iterable

from ....domain.networks import leasing
from ....wire.common.machines import ServedHost
from ....wire.control.orders import DrillNetwork


def with_addresses(asked: DrillNetwork, users: Iterable[DrillNetwork]) -> tuple[DrillNetwork, str]:
    """Each card has the address that it is to have, or, if one of the other users has that, another one; and the end of a
    sentence about those."""
    if asked.serving is None:
        return asked, ""
    taken = {host.address: host.name for user in users for host in _hosts(user) if host.address is not None}
    hosts, instead = [], ""
    # what is wished first: a card without a wish would take its neighbour's
    serving = asked.serving
    for host in sorted(serving.hosts, key=lambda each: each.address is None):
        found = leasing.lease(
            serving.subnet, host.mac, host.address, taken, serving.dns_servers, serving.ranges
        )
        if found.address is not None:
            taken[found.address] = host.name
        if found.why_not is not None:
            another = found.address or "any address"
            instead += f"; {host.name} gets {another} instead of {host.address}, {found.why_not}"
        hosts.append(host.model_copy(update={"address": found.address}))
    return asked.model_copy(update={"serving": serving.model_copy(update={"hosts": tuple(hosts)})}), instead


def of(payload: DrillNetwork) -> dict[str, str]:
    """By the MAC addresses of the cards."""
    return {host.mac: host.address for host in _hosts(payload) if host.address is not None}


def called(host: ServedHost) -> str:
    """Its name and address, for sentences."""
    return host.name if host.address is None else f"{host.name} {host.address}"


def _hosts(payload: DrillNetwork) -> tuple[ServedHost, ...]:
    return () if payload.serving is None else payload.serving.hosts
