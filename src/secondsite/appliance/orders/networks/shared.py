"""The network that the machines of one test failover share. It stands for as long as one of them uses it.

Each machine enters and leaves under its own generation, so an order that comes after its clean-up makes no network again. Who
uses it is durable before the network is made, and forgotten after it is removed: a process that is killed in between
repeats, and leaves nothing.
"""

import threading

import structlog

from ....domain import errors
from ....fabrics.interface import Fabric
from ....ground import seams
from ....ground.plural import counted
from ....wire.common.machines import Serving
from ....wire.control.orders import CreatedNetwork, CreateNetwork
from ...shared import State
from ..context import Context
from . import leasing

KEY = "drill-network/"

log = structlog.get_logger(__name__)
_changing = threading.Lock()


def enter(context: Context, asked: CreateNetwork) -> tuple[str, CreatedNetwork]:
    """The machine uses the network, which is made if it is not there. Its addresses are fixed before, so a repeat gives the same.
    Raises StaleOrder."""
    with _changing:
        context.require_current()
        _leave_others(context, asked.name)
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
    """The last one that uses it removes it."""
    with _changing:
        context.require_current()
        return _leave(context, payload)


def leave_all(context: Context) -> None:
    """A vault that forgot the machine's drill will not say so."""
    with _changing:
        _leave_others(context, "")


def _leave_others(context: Context, name: str) -> None:
    """A machine has one drill: what it uses beside this network is left over."""
    for key, said in context.state.facts(KEY).items():
        if key.endswith(f"/{context.machine_id}") and key != _key(name, context.machine_id):
            _leave(context, CreateNetwork.model_validate_json(said))


def serve_again(state: State, fabric: Fabric) -> None:
    """What a process that ended had offered: its servers ended with it."""
    with _changing:
        known = [CreateNetwork.model_validate_json(said) for said in state.facts(KEY).values()]
        for payload in {each.name: each for each in known if each.serving is not None}.values():
            try:
                _serve(state, fabric, payload)
            except errors.SecondsiteError as problem:
                log.warning("network.not-served", network=payload.name, problem=str(problem))


def _serve(state: State, fabric: Fabric, payload: CreateNetwork) -> str:
    """The end of a sentence. All machines that use the network are named on it."""
    if payload.serving is None:
        return ""
    users = [
        CreateNetwork.model_validate_json(said) for said in state.facts(f"{KEY}{payload.name}/").values()
    ]
    hosts = [host for each in users if each.serving is not None for host in each.serving.hosts]
    ordered = tuple(sorted(set(hosts), key=lambda host: (host.name, host.mac)))
    fabric.networks.serve(
        payload.name, str(payload.drill), Serving(subnet=payload.serving.subnet, hosts=ordered)
    )
    names = ", ".join(dict.fromkeys(leasing.called(host) for host in ordered)) or "none"
    return f", with addresses of {payload.serving.subnet}; names: {names}"


def _leave(context: Context, payload: CreateNetwork) -> str:
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


def _users(context: Context, name: str) -> list[CreateNetwork]:
    """The other machines that use it."""
    known = context.state.facts(f"{KEY}{name}/")
    return [CreateNetwork.model_validate_json(known[key]) for key in _others(context, name)]


def _key(name: str, machine_id: str) -> str:
    return f"{KEY}{name}/{machine_id}"
