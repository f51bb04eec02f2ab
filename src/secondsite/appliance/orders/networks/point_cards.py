"""What the cards are connected to that a point has: its machine may have had others then, or in other
networks."""

from ....domain import errors
from ....domain.networks import portgroups
from ....wire.common.machines import NicDefinition
from ....wire.control.cards import LocalCard
from ....wire.control.checks import CheckTarget, PointCards
from ....wire.control.orders import StartReplica
from ..context import Context


def network(payload: StartReplica, nic: NicDefinition) -> str | None:
    """The network here of a card in a start; None: it is not connected."""
    mac = nic.mac.lower()
    if payload.mappings is not None and mac not in payload.set_cards:
        return portgroups.mapped(nic.network, payload.mappings)
    if payload.other_cards is not None:
        return payload.networks_by_mac.get(mac, payload.other_cards.network)
    return payload.networks_by_mac.get(mac, payload.networks.get(nic.key))


def as_of_point(context: Context, payload: CheckTarget) -> CheckTarget:
    """The check with the definition and the cards of the point that it is about, if the point is here."""
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    if payload.at is None or hosted is None:
        return payload
    try:
        definition = hosted.definition(hosted.record(payload.at.point_id))
    except errors.SecondsiteError:  # the start says it better
        return payload
    cards = tuple(_card(payload.at, nic) for nic in definition.nics)
    return payload.model_copy(update={"definition": definition, "cards": cards})


def _card(at: PointCards, nic: NicDefinition) -> LocalCard:
    mac = nic.mac.lower()
    is_set = mac in at.networks_by_mac
    there = at.networks_by_mac[mac] if is_set else portgroups.mapped(nic.network, at.mappings)
    return LocalCard(key=nic.key, mac=nic.mac, network=there, vlans=nic.vlans)
