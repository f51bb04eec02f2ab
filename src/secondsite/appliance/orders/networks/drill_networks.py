"""The networks that the machines of one test failover share. Each stands for as long as one of them uses it.

Each machine enters and leaves under its own generation, so an order that comes after its clean-up makes no
network again. The run of a plan, which uses them too, has no generation: that it has left is kept. Who uses
it is durable before the network is made, and forgotten after it is removed: a process that is killed in
between repeats, and leaves nothing.
"""

import functools
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from ....domain import errors
from ....fabrics.interface import Fabric, LocalSpan
from ....ground import seams
from ....ground.plural import counted
from ....ground.units import DAY
from ....wire.control.orders import CreatedNetwork, CreateNetwork, DrillNetwork
from ...shared import State
from ..context import Context
from . import reserving

KEY = "drill-network/"
RUN = "run-"
LEFT = "drill-run-left/"
KEPT_SECONDS = 30 * DAY
"""How long it is kept that a plan's run has left: by then an order is refused for its age."""

NAMED = 20
"""How many machines of a network are named; the others are counted."""

SEGMENT_UNNAMED = (
    "Name 'drill_segment' in appliance.json here, start the appliance again, and then the test failover."
)
MEMBERS_FIXED = (
    "Clean the test failover up, and start it again: this host took a replica over after the network's hosts "
    "were chosen. If it did not, correct 'drill_segment' in appliance.json here."
)
log = structlog.get_logger(__name__)
_changing = threading.Lock()


def enter(context: Context, asked: CreateNetwork) -> tuple[str, CreatedNetwork]:
    """Let the machine use the networks, which are made if they are not there. Its addresses are fixed before
    that, so a repeat gives the same. Raises StaleOrder."""
    wanted, user = _each(asked), _user(context, asked)
    with _changing:
        context.require_current()
        if asked.run is None:
            names = {each.name for each in wanted}
            _leave_others(context.state, context.fabric, context.machine_id, names)
        else:
            _refuse_late(context.state, asked.run)
        found = [_enter(context, each, user) for each in wanted]
    first = found[0][1]
    leased = {mac: address for _, created in found for mac, address in created.leased.items()}
    return "; ".join(said for said, _ in found), first.model_copy(update={"leased": leased})


def _user(context: Context, asked: CreateNetwork) -> str:
    return context.machine_id if asked.run is None else f"{RUN}{asked.run}"


def _refuse_late(state: State, run: str) -> None:
    if state.fact(f"{LEFT}{run}") is not None:
        raise errors.StaleOrder(f"The run {run} has left its networks. The order was not carried out.")


def _note_left(state: State, run: str) -> None:
    """Note that the run of a plan leaves, durably and before it does; runs of long ago are forgotten."""
    lived = state.lived()
    for key, at in state.facts(LEFT).items():
        if lived - float(at) > KEPT_SECONDS:
            state.remove_fact(key)
    state.put_fact(f"{LEFT}{run}", str(time.time()))


def _enter(context: Context, asked: DrillNetwork, user: str) -> tuple[str, CreatedNetwork]:
    payload, instead = reserving.with_addresses(asked, _users(context, asked.name, user))
    context.state.put_fact(_key(payload.name, user), payload.model_dump_json())
    seams.reach("appliance.network.entered")
    span = _local(payload, context.parts.config.drill_segment)
    info = context.fabric.networks.create_isolated(payload.name, str(payload.drill), span)
    seams.reach("appliance.network.made")
    offered = _serve(context.state, context.fabric, payload, span)
    others = _others(context.state, payload.name, user)
    beside = f", shared with {_of_this(others)}" if others else ""
    created = CreatedNetwork(**dict(info), leased=reserving.of(payload))
    over = "" if span is None else f" over {counted(len(span.peers) + 1, 'host')}"
    return f"isolated network {payload.name} is there{over}{beside}{offered}{instead}", created


def _local(asked: DrillNetwork, own: str | None) -> LocalSpan | None:
    """The span as this host sees it, whose own address on its drill segment is `own`. Raises
    NotPossibleNow."""
    if asked.span is None:
        return None
    members = asked.span.members
    if own not in members:
        raise errors.NotPossibleNow(
            (
                f"The network {asked.name} spans hosts at {', '.join(members)}, and this host's drill "
                f"segment is {own or 'not named'}."
            ),
            do=MEMBERS_FIXED if own else SEGMENT_UNNAMED,
        )
    peers = tuple(each for each in members if each != own)
    return LocalSpan(asked.span.vni, asked.span.mtu, own, peers, members.index(own))


def leave(context: Context, payload: CreateNetwork) -> str:
    """The machine leaves the networks; whoever leaves a network last removes it."""
    with _changing:
        context.require_current()
        if payload.run is not None:
            _note_left(context.state, payload.run)
        left = (context.state, context.fabric, _user(context, payload))
        return "; ".join(_leave(*left, each) for each in _each(payload))


def _each(payload: CreateNetwork) -> list[DrillNetwork]:
    """The networks without what only the order contains: facts are read by older releases too."""
    first = DrillNetwork(name=payload.name, drill=payload.drill, serving=payload.serving, span=payload.span)
    return [first, *payload.more]


def leave_all(state: State, fabric: Fabric, machine_id: str) -> None:
    """End the machine's use of all networks of drills: a vault that has forgotten its drill, or has its
    replica at another host, will not order that here."""
    with _changing:
        _leave_others(state, fabric, machine_id, set())


def _leave_others(state: State, fabric: Fabric, machine_id: str, names: Collection[str]) -> None:
    """End the machine's use of other networks: it has one drill, so what it uses besides these is left
    over."""
    for key, said in state.facts(KEY).items():
        known = _understood(key, said) if key.endswith(f"/{machine_id}") else None
        if known is not None and key == _key(known.name, machine_id) and known.name not in names:
            _leave(state, fabric, machine_id, known)


def serve_again(state: State, fabric: Fabric) -> None:
    """Start the DHCP and DNS servers of all networks again, which ended with an earlier process. One that
    cannot be started keeps no machine from being replicated."""
    with _changing:
        for payload in _known(state):
            if payload.serving is not None and payload.span is None:
                _try(payload, functools.partial(_serve, state, fabric, payload))


def mend(state: State, fabric: Fabric, segment: str | None) -> None:
    """Make anew what is lost of networks that span hosts, as after a restart of this host, and their
    servers."""
    with _changing:
        for payload in _known(state):
            if payload.span is not None:
                _try(payload, functools.partial(_mend, state, fabric, payload, segment))


def _mend(state: State, fabric: Fabric, payload: DrillNetwork, segment: str | None) -> None:
    span = _local(payload, segment)
    fabric.networks.create_isolated(payload.name, str(payload.drill), span)
    _serve(state, fabric, payload, span)


def _known(state: State) -> Collection[DrillNetwork]:
    """All networks, each once."""
    known = [each for key, said in state.facts(KEY).items() if (each := _understood(key, said))]
    served_last = sorted(known, key=lambda each: each.serving is not None)
    return {each.name: each for each in served_last}.values()


def _try(payload: DrillNetwork, act: Callable[[], object]) -> None:
    try:
        act()
    except (errors.SecondsiteError, OSError) as problem:
        log.warning("network.not-served", network=payload.name, problem=str(problem))


def _understood(key: str, said: str) -> DrillNetwork | None:
    """What is recorded of a network; None if that cannot be read."""
    try:
        return _read(said)
    except ValueError as problem:
        log.error("network.not-read", key=key, problem=str(problem))
        return None


def _serve(state: State, fabric: Fabric, payload: DrillNetwork, span: LocalSpan | None = None) -> str:
    """Start the network's DHCP and DNS server, with the names of all machines that use it; returns the end of
    a sentence."""
    if payload.serving is None:
        return ""
    facts = state.facts(f"{KEY}{payload.name}/").items()
    users = [each for key, said in facts if (each := _understood(key, said))]
    hosts = [host for each in users if each.serving is not None for host in each.serving.hosts]
    ordered = tuple(sorted(set(hosts), key=lambda host: (host.name, host.mac)))
    serving = payload.serving.model_copy(update={"hosts": ordered})
    fabric.networks.serve(payload.name, str(payload.drill), serving, span)
    names = list(dict.fromkeys(reserving.called(host) for host in ordered)) or ["none"]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f", with addresses of {payload.serving.subnet}; names: {', '.join(names[:NAMED])}{more}"


def _leave(state: State, fabric: Fabric, user: str, payload: DrillNetwork) -> str:
    others = _others(state, payload.name, user)
    if not others:
        fabric.networks.remove(payload.name, str(payload.drill))
        seams.reach("appliance.network.removed")
    state.remove_fact(_key(payload.name, user))
    if others:
        return f"network {payload.name} stays for {_of_this(others)}"
    return f"network {payload.name} is gone"


def _of_this(others: Sequence[str]) -> str:
    runs = [key for key in others if key.rpartition("/")[2].startswith(RUN)]
    machines = len(others) - len(runs)
    said = [f"{counted(machines, 'other machine')} of this test failover"] if machines else []
    return " and ".join([*said, *(["the run of its plan"] if runs else [])])


def _others(state: State, name: str, user: str) -> list[str]:
    known = state.facts(f"{KEY}{name}/")
    return [key for key in known if key != _key(name, user)]


def _users(context: Context, name: str, user: str) -> list[DrillNetwork]:
    """The other users of the network."""
    known = context.state.facts(f"{KEY}{name}/")
    others = (_understood(key, said) for key, said in known.items() if key != _key(name, user))
    return [each for each in others if each is not None]


@functools.lru_cache(maxsize=4096)
def _read(said: str) -> DrillNetwork:
    """One use of a network, as it was kept. Each of 300 machines looks at those of all others."""
    return DrillNetwork.model_validate_json(said)


def _key(name: str, user: str) -> str:
    return f"{KEY}{name}/{user}"


# What the cards of a machine that was started for a drill are connected to, as its site reports it, not as it
# was ordered (S-094).


def said(context: Context, fabric_id: str, wanted: Mapping[str, str | None]) -> str:
    """The end of a start's sentence; empty for a machine that was not to be connected, and is not."""
    try:
        found = context.fabric.inventory.get(fabric_id)
    except errors.SecondsiteError as problem:
        return f"; what its cards are connected to is not known: {problem.message}"
    nics = () if found is None else found.definition.nics
    there = [f"{nic.key} to {nic.network}" for nic in nics if nic.network is not None]
    asked = [name for name in wanted.values() if name is not None]
    missing = [name for name in asked if name not in {nic.network for nic in nics}]
    connected = f"; connected: {', '.join(there)}" if there else ""
    return connected + (f"; no card of it is in {', '.join(missing)}, as was asked for" if missing else "")
