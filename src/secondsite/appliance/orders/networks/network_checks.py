"""Networks that are not here, cannot be used now, do not carry a card's VLAN tags or have another subnet
than its address: found by the check; or left out by a start that must not fail."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

import structlog

from ....domain import errors, shell
from ....domain.networks import addresses, portgroups
from ....wire.common.machines import MachineDefinition, NetworkInfo, NicDefinition
from ....wire.control.cards import LocalCard
from ....wire.control.checks import CheckTarget, HomeCards, ObstacleShape
from ....wire.control.orders import StartReplica
from ...shared import withdrawn_definitions
from ...target import FAILOVER
from ..context import Context

ANOTHER = (
    "Set one of that network ('secondsite card set MACHINE CARD --address ADDRESS/PREFIX'), or another "
    "network."
)
ANOTHER_IN_DRILLS = (
    "Set one of that network ('secondsite card set MACHINE CARD --test-address ADDRESS/PREFIX'), or use "
    "another network."
)

PUT_BACK = "Put it back where it was."
WITHOUT_IT = (
    "Or let the machine come home without it: 'secondsite machine failover MACHINE --shut-down', which "
    "loses nothing while both sites answer."
)

log = structlog.get_logger(__name__)


def obstacles(context: Context, payload: CheckTarget) -> Iterator[ObstacleShape]:
    """The obstacles that networks are: those of `networks` block, those of `cards` are warnings."""
    if payload.serve:
        unserved = context.fabric.networks.cannot_serve(payload.serve_subnet, payload.makes)
        if unserved is not None:
            yield ObstacleShape(what=unserved.what, do=unserved.do)
    if not payload.networks and not any(card.network for card in payload.cards):
        return
    known = _known(context)
    for name in payload.networks:
        if (why := _why_not(known, name)) is not None:
            yield ObstacleShape(what=f"{why}.", do=_way_out(known, name))
    for card in payload.cards:
        if card.network is None:
            continue
        if (why := _why_not(known, card.network)) is not None:
            if card.network in payload.networks:
                continue
            what = f"{why}: {card.key} ({card.mac}) will not be connected."
            yield ObstacleShape(what=what, do=_way_out(known, card.network), blocking=False)
            continue
        do = ANOTHER_IN_DRILLS if card.network in payload.test_networks else ANOTHER
        yield from _unfit(known[card.network], card, do, blocking=card.network in payload.networks)


def in_need(context: Context, home: HomeCards) -> Iterator[ObstacleShape]:
    """The same as warnings, for a machine that is started anyway: without the cards that cannot be connected,
    and without what else is gone."""
    for each in (*at_home(context, home), *gone_parts(context, home)):
        yield each.model_copy(update={"blocking": False})


def gone_parts(context: Context, home: HomeCards) -> Iterator[ObstacleShape]:
    """What else the machine's definition here names and is not here any more; none for a machine that is made
    anew."""
    left = left_at_home(context, home)
    hosted = context.parts.host.find(context.machine_id) if context.order.machine_id else None
    if left is None or hosted is None:
        return
    for each in context.fabric.hosting.gone(left, hosted.setup.disks):
        if each.medium:
            what, do = f"{each.what} is gone at home: the drive will be empty.", PUT_BACK
        elif each.needed:
            what, do = f"{each.what} is gone at home: the machine cannot start without it.", PUT_BACK
        else:
            what, do = (
                f"{each.what} is gone at home, which the machine has there.",
                f"{PUT_BACK} {WITHOUT_IT}",
            )
        yield ObstacleShape(what=what, do=do, blocking=not each.medium)


def at_home(context: Context, home: HomeCards) -> Iterator[ObstacleShape]:
    """Missing networks of a machine that comes home. A machine that is made anew is connected as the vault
    says. One that is here, or was withdrawn here, is connected as it was, perhaps to a kind of network that
    no list has: for it these are only warnings, but for a portgroup that is gone."""
    left = left_at_home(context, home)
    nics: Sequence[LocalCard | NicDefinition] = home.cards if left is None else left.nics
    if not any(nic.network for nic in nics):
        return
    known = _known(context)
    for nic in nics:
        why = None if nic.network is None else _why_not(known, nic.network)
        if why is None:
            continue
        what = f"{why}, which {nic.key} ({nic.mac}) of the machine needs when it comes home."
        blocking = left is None or _lacks_portgroup(known, str(nic.network))
        do = _problem(known, str(nic.network)) or _way_home(left is None)
        yield ObstacleShape(what=what, do=do, blocking=blocking)


def left_at_home(context: Context, home: HomeCards) -> MachineDefinition | None:
    """The machine's own definition here, or the one with which it was withdrawn; None if it is to be made
    anew."""
    return withdrawn_definitions.recall(context.state, home.fabric_id) or _here(context, home.fabric_id)


def _here(context: Context, fabric_id: str) -> MachineDefinition | None:
    found = context.fabric.inventory.get(fabric_id)
    return found.definition if found is not None and found.tag == context.order.machine_id else None


def _way_home(anew: bool) -> str:
    if not anew:
        return "Create it again: the machine comes home as it was."
    return (
        "Create it; or say which one takes the place of its network at the other site: 'secondsite mapping "
        "create OTHER_SITE/NETWORK THIS_SITE/NETWORK'."
    )


def left_out(context: Context, payload: StartReplica, wanted: Mapping[str, str | None]) -> dict[str, str]:
    """Why this start leaves cards unconnected, by the card's key. If networks cannot be listed, all that are
    named count as usable."""
    if not payload.without_missing_networks or not any(wanted.values()):
        return {}
    try:
        known = _known(context)
    except errors.SecondsiteError as error:
        log.warning("networks.not-listed", machine=context.machine_id, problem=str(error))
        return {}
    found = ((key, _why_not(known, name)) for key, name in wanted.items() if name is not None)
    return {key: why for key, why in found if why is not None}


def unmapped_then(
    payload: StartReplica, nics: Sequence[NicDefinition], wanted: Mapping[str, str | None]
) -> dict[str, str]:
    """The same for cards for which nothing is mapped, though no check has told of them: the point has them in
    another network than the machine now, or the machine has them no more, or not yet."""
    known = payload.networks_by_mac
    words = "Nothing is mapped for" if payload.run == FAILOVER else "No network of the drill stands for"
    return {
        nic.key: f"{words} {nic.network or 'no network'}, in which this point has it"
        for nic in (nics if payload.mappings is not None else ())
        if wanted[nic.key] is None and known.get(nic.mac.lower(), nic.key) is not None
    }


def gone_at_home(context: Context, payload: StartReplica, home: MachineDefinition | None) -> dict[str, str]:
    """The same for a machine that came home as it was, and did not start."""
    if home is None:
        return {}
    return left_out(context, payload, {nic.key: nic.network for nic in home.nics})


def in_no_portgroup(
    context: Context, payload: StartReplica, home: MachineDefinition | None
) -> dict[str, str]:
    """Of those the cards whose portgroup is gone: the hypervisor would start the machine all the same, with
    the card in another VLAN."""
    if home is None:
        return {}
    named = {nic.key: nic.network for nic in home.nics if portgroups.split(nic.network or "")[1]}
    return left_out(context, payload, named)


def said(cards: Mapping[str, str]) -> str:
    """The cards that were left unconnected, as the end of a start's sentence."""
    return "".join(f"; {key} is not connected: {why[0].lower()}{why[1:]}" for key, why in cards.items())


def require_usable(context: Context, name: str) -> None:
    """Raises NotPossibleNow for a network to which nothing can be connected now."""
    known = _known(context)
    if (why := _why_not(known, name)) is not None:
        raise errors.NotPossibleNow(f"{why}.", do=_way_out(known, name))


def _known(context: Context) -> Mapping[str, NetworkInfo]:
    return {network.name: network for network in context.fabric.networks.list()}


def _why_not(known: Mapping[str, NetworkInfo], name: str) -> str | None:
    if _problem(known, name):
        return f"The network '{name}' cannot be used here"
    found = known.get(name)
    if found is None:
        network, portgroup = portgroups.split(name)
        if _lacks_portgroup(known, name):
            return f"The network '{network}' has no portgroup '{portgroup}' here"
        return f"There is no network '{name}' here"
    return None if found.active else f"The network '{name}' is not active here"


def _problem(known: Mapping[str, NetworkInfo], name: str) -> str | None:
    """Why nothing is known of the network, and what to do."""
    found = known.get(name) or known.get(portgroups.split(name)[0])
    return None if found is None else found.problem


def _lacks_portgroup(known: Mapping[str, NetworkInfo], name: str) -> bool:
    return name not in known and portgroups.split(name)[0] in known


def _unfit(network: NetworkInfo, card: LocalCard, do: str, *, blocking: bool) -> Iterator[ObstacleShape]:
    if (untagged := _untagged(network, card)) is not None:
        yield untagged
    if card.address is not None and addresses.outside(card.address, network.subnets):
        yield ObstacleShape(
            what=f"{card.key} ({card.mac}) is to have the address {card.address}, which is not in the "
            f"network '{network.name}' ({', '.join(network.subnets)}): nobody there reaches it.",
            do=do,
            blocking=blocking,
        )


def _untagged(network: NetworkInfo, card: LocalCard) -> ObstacleShape | None:
    """A warning if the network does not carry the card's VLAN tags. A network with tags of its own was mapped
    to on purpose."""
    if not card.vlans or network.vlans or network.carries_vlans:
        return None
    tags = f"VLAN {', '.join(map(str, card.vlans))}"
    return ObstacleShape(
        what=f"{card.key} ({card.mac}) is in {tags} at its source; the network '{network.name}' carries no "
        "tags of machines, so it is connected without.",
        do="Make sure that this network is the right one as it is, or map to one of Open vSwitch in libvirt, "
        "or, from libvirt 11 on, to a Linux bridge that filters ('ip link set BRIDGE type bridge "
        "vlan_filtering 1').",
        blocking=False,
    )


def _way_out(known: Mapping[str, NetworkInfo], name: str) -> str:
    if problem := _problem(known, name):
        return problem
    if name in known:
        return (
            f"Start it at this site ('virsh net-start {shell.arguments(name)}'), or map to one that is "
            "active."
        )
    if _lacks_portgroup(known, name):
        network, portgroup = portgroups.split(name)
        made = f'<portgroup name={quoteattr(str(portgroup))}><vlan><tag id="TAG"/></vlan></portgroup>'
        return (
            f"Add it with its VLAN tag: 'virsh net-update {shell.arguments(network)} add portgroup "
            f"{shlex.quote(made)} --live --config'; or map the portgroup by itself: 'secondsite mapping "
            "create SITE/NETWORK/PORTGROUP SITE/NETWORK'."
        )
    return "Create it, or map to one that exists ('secondsite mapping create SITE/NETWORK SITE/NETWORK')."
