"""A person starts the old copy of a machine that was failed over, although that is forbidden: by an order,
or at the site."""

from ...domain import errors
from ...domain.power_states import obstacle
from ...fabrics.interface import Fabric, MachineSummary, PowerState
from ...wire.control.orders import PowerFact, StartAnyway
from ..shared import State
from ..source import Fences
from .context import Context


def start_anyway(context: Context, payload: StartAnyway) -> tuple[str, PowerFact]:
    """Start the old copy once; its fence stays."""
    replication = context.parts.replication
    source = replication.find(context.machine_id)
    with context.alone(source, "starting it anyway", interrupt=True):
        sentence = _start(
            context.fabric, replication.fences, context.machine_id, payload.fabric_id, payload.by
        )
        if source is not None:
            source.saw(PowerState.RUNNING)
    return sentence, PowerFact(power=str(PowerState.RUNNING))


def start_at_the_site(fabric: Fabric, state: State, name: str, by: str) -> str:
    """The same without a vault, while no appliance runs; returns a sentence."""
    found = _named(fabric, name)
    if found.tag is None:
        raise errors.NotOurs(
            f"Machine {found.name} at this site carries no secondsite tag: nothing of ours forbids its start."
        )
    return _start(fabric, Fences(fabric, state), found.tag, found.fabric_id, by)


def _named(fabric: Fabric, name: str) -> MachineSummary:
    for found in fabric.inventory.list():
        if name in (found.name, found.fabric_id):
            return found
    raise errors.NotFound(
        f"The site has no machine '{name}'.", do=f"Look for it with '{fabric.properties.lists}'."
    )


def _start(fabric: Fabric, fences: Fences, machine_id: str, fabric_id: str, by: str) -> str:
    power = fabric.power.state(fabric_id)
    if power.is_on:
        return f"the machine is already {power} here"
    if power is not PowerState.SAVED:
        obstacle(power, machine_id)
    fences.start_anyway(machine_id, by)
    return "started the machine, against its fence; it must be the only copy that is used"
