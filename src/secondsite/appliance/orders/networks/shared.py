"""The networks that the machines of one test failover share. Each stands for as long as one of them uses it.

Each machine enters and leaves under its own generation, so an order that comes after its clean-up makes no network again. Who
uses it is durable before the network is made, and forgotten after it is removed: a process that is killed in between
repeats, and leaves nothing.
"""

import threading
from collections.abc import Collection

import structlog

from ....domain import errors
from ....fabrics.interface import Fabric
from ....ground import seams
from ....ground.plural import counted
from ....wire.control.orders import CreatedNetwork, CreateNetwork, DrillNetwork
from ...shared import State
from ..context import Context
from . import leasing

KEY = "drill-network/"

log = structlog.get_logger(__name__)
_changing = threading.Lock()


def enter(context: Context, asked: CreateNetwork) -> tuple[str, CreatedNetwork]:
    """The machine uses the networks, which are made if they are not there. Its addresses are fixed before, so a repeat gives the
    same. Raises StaleOrder."""
    wanted = _each(asked)
    with _changing:
        context.require_current()
        _leave_others(context, {each.name for each in wanted})
        found = [_enter(context, each) for each in wanted]
    first = found[0][1]
    leased = {mac: address for _, created in found for mac, address in created.leased.items()}
    return "; ".join(said for said, _ in found), first.model_copy(update={"leased": leased})


def _enter(context: Context, asked: DrillNetwork) -> tuple[str, CreatedNetwork]:
    payload, instead = leasing.with_addresses(asked, _users(context, asked.name))
    context.state.put_fact(_key(payload.name, context.machine_id), payload.model_dump_json())
    seams.reach("appliance.network.entered")
    info = context.fabric.networks.create_isolated(payload.name, str(payload.drill))
    offered = _serve(context.state, context.fabric, payload)
    others = len(_others(context, payload.name))
    beside = f", shared with {_of_this(others)}" if others else ""
    created = CreatedNetwork(**dict(info), leased=leasing.of(payload))
    return f"isolated network {payload.name} is there{beside}{offered}{instead}", created


def leave(context: Context, payload: CreateNetwork) -> str:
    """The last one that uses one removes it."""
    with _changing:
        context.require_current()
        return "; ".join(_leave(context, each) for each in _each(payload))


def _each(payload: CreateNetwork) -> list[DrillNetwork]:
    """Without what only the order has: facts are read by older releases too."""
    first = DrillNetwork(name=payload.name, drill=payload.drill, serving=payload.serving)
    return [first, *payload.more]


def leave_all(context: Context) -> None:
    """A vault that forgot the machine's drill will not say so."""
    with _changing:
        _leave_others(context, set())


def _leave_others(context: Context, names: Collection[str]) -> None:
    """A machine has one drill: what it uses beside these networks is left over."""
    for key, said in context.state.facts(KEY).items():
        known = DrillNetwork.model_validate_json(said)
        if key == _key(known.name, context.machine_id) and known.name not in names:
            _leave(context, known)


def serve_again(state: State, fabric: Fabric) -> None:
    """What a process that ended had offered: its servers ended with it."""
    with _changing:
        known = [DrillNetwork.model_validate_json(said) for said in state.facts(KEY).values()]
        for payload in {each.name: each for each in known if each.serving is not None}.values():
            try:
                _serve(state, fabric, payload)
            except errors.SecondsiteError as problem:
                log.warning("network.not-served", network=payload.name, problem=str(problem))


def _serve(state: State, fabric: Fabric, payload: DrillNetwork) -> str:
    """The end of a sentence. All machines that use the network are named on it."""
    if payload.serving is None:
        return ""
    users = [DrillNetwork.model_validate_json(said) for said in state.facts(f"{KEY}{payload.name}/").values()]
    hosts = [host for each in users if each.serving is not None for host in each.serving.hosts]
    ordered = tuple(sorted(set(hosts), key=lambda host: (host.name, host.mac)))
    serving = payload.serving.model_copy(update={"hosts": ordered})
    fabric.networks.serve(payload.name, str(payload.drill), serving)
    names = ", ".join(dict.fromkeys(leasing.called(host) for host in ordered)) or "none"
    return f", with addresses of {payload.serving.subnet}; names: {names}"


def _leave(context: Context, payload: DrillNetwork) -> str:
    others = _others(context, payload.name)
    if not others:
        context.fabric.networks.remove(payload.name, str(payload.drill))
        seams.reach("appliance.network.removed")
    context.state.remove_fact(_key(payload.name, context.machine_id))
    if others:
        return f"network {payload.name} stays for {_of_this(len(others))}"
    return f"network {payload.name} is gone"


def _of_this(others: int) -> str:
    return f"{counted(others, 'other machine')} of this test failover"


def _others(context: Context, name: str) -> list[str]:
    known = context.state.facts(f"{KEY}{name}/")
    return [key for key in known if key != _key(name, context.machine_id)]


def _users(context: Context, name: str) -> list[DrillNetwork]:
    """The other machines that use it."""
    known = context.state.facts(f"{KEY}{name}/")
    return [DrillNetwork.model_validate_json(known[key]) for key in _others(context, name)]


def _key(name: str, machine_id: str) -> str:
    return f"{KEY}{name}/{machine_id}"
