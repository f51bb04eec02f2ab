"""Addresses of a failed-over machine's cards that a DHCP server of this site gives: reserved before it
starts, released when it leaves.

The DHCP server belongs to the site's owner: only entries that are on record as ours are changed or removed.
No start fails because of a reservation."""

from collections.abc import Iterable

import structlog

from ....domain import errors
from ....domain.networks import addresses, served_addresses, subnets
from ....ground import seams
from ....wire.common.cards import CardAddress
from ....wire.common.machines import ServedHost
from ....wire.control.orders import DrillNetwork, StartReplica
from ..context import Context

log = structlog.get_logger(__name__)


def reserved(context: Context, payload: StartReplica) -> str:
    """Reserve the addresses of the machine's cards; returns the end of a start's sentence."""
    return "".join(_try(context, payload, each) for each in payload.addresses)


def released(context: Context) -> str:
    """Release all addresses of the machine; returns the end of a sentence. What could not be released stays
    on record, for the next time that the machine leaves."""
    said = ""
    for key, address in sorted(context.state.facts(_prefix(context)).items()):
        network, mac = key.removeprefix(_prefix(context)).rsplit("/", 1)
        try:
            context.fabric.networks.unreserve(network, mac, address)
        except errors.NotFound:
            pass  # the network is gone, and the entry with it
        except errors.SecondsiteError as problem:
            log.warning("reservation.stays", network=network, mac=mac, problem=problem.message)
            said += f"; {address} stays reserved in {network}: {problem.message}"
            continue
        context.state.remove_fact(key)
        said += f"; the DHCP server of {network} has {address} back"
    return said


def _try(context: Context, payload: StartReplica, wanted: CardAddress) -> str:
    network = payload.networks.get(wanted.key)
    if network is None:
        return ""
    try:
        return _reserve(context, payload.name, wanted, network)
    except errors.SecondsiteError as problem:
        return (
            f"; {wanted.key} is not given {wanted.address} by the DHCP server of {network}: {problem.message}"
        )


def _reserve(context: Context, name: str, wanted: CardAddress, network: str) -> str:
    mac, address = wanted.mac.lower(), addresses.host(wanted.address)
    there = context.fabric.networks.reservations(network)
    if there is None:
        return ""
    key = f"{_prefix(context)}{network}/{mac}"
    if mac in there and context.state.fact(key) is None:
        return f"; the DHCP server of {network} gives {there[mac]} to {wanted.key}, as its owner has set it"
    context.state.put_fact(key, address)
    seams.reach("appliance.reservation.noted")
    context.fabric.networks.reserve(network, mac, address, subnets.label(name))
    return f"; the DHCP server of {network} gives {address} to {wanted.key}"


def _prefix(context: Context) -> str:
    return f"reservation/{context.machine_id}/"


# The addresses of a machine's cards on the network of a test failover.


def with_addresses(asked: DrillNetwork, users: Iterable[DrillNetwork]) -> tuple[DrillNetwork, str]:
    """The network with an address for each card: the one that it is to have or, if another user has that,
    another one. Also the end of a sentence about the latter. Where hosts share the network all users name the
    same cards, in the same order, so all hosts give the same addresses."""
    if asked.serving is None:
        return asked, ""
    users = tuple(users)
    known = {host.mac: host.address for user in users if asked.span for host in _hosts(user)}
    taken = {host.address: host.name for user in users for host in _hosts(user) if host.address is not None}
    hosts, instead = [], ""
    # Cards with a wish first: one without would otherwise take another card's address.
    serving = asked.serving
    for host in sorted(serving.hosts, key=lambda each: each.address is None):
        if known.get(host.mac) is not None:
            hosts.append(host.model_copy(update={"address": known[host.mac]}))
            continue
        found = served_addresses.lease(
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
    """The addresses by the MAC addresses of the cards."""
    return {host.mac: host.address for host in _hosts(payload) if host.address is not None}


def called(host: ServedHost) -> str:
    """The machine's name and address, for sentences."""
    return host.name if host.address is None else f"{host.name} {host.address}"


def _hosts(payload: DrillNetwork) -> tuple[ServedHost, ...]:
    return () if payload.serving is None else payload.serving.hosts
