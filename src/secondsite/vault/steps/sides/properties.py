"""What a machine is to be like at its target: its name, vCPUs and memory.

Coming home it is as it was withdrawn there: what is set is for the second site."""

from ....domain.amounts import exact_size
from ....ground.plural import counted
from ....wire.common.properties import Sizing, TargetProperties
from ....wire.control.checks import CheckedTarget, Obstacles, ObstacleShape
from ....wire.control.orders import StartFact
from ... import ports
from .target import AS_AT_HOME


def set_for(tx: ports.Transaction, machine: ports.MachineRecord) -> TargetProperties:
    return AS_AT_HOME if machine.reversed else tx.properties.find(machine.id)


def too_old(wanted: Sizing, target: CheckedTarget, machine: ports.MachineRecord) -> Obstacles:
    """A warning: an older appliance starts the machine as it is at home."""
    if target.sizes or not wanted.any:
        return Obstacles()
    what = (
        f"The appliance at {machine.target_site} is of a release that sets no vCPUs and no memory: {machine.name} "
        f"will not have {described(wanted)} there, but what it has at home."
    )
    return Obstacles(obstacles=(ObstacleShape(what=what, do="Upgrade it.", blocking=False),))


def not_done(wanted: Sizing, started: StartFact) -> str:
    """The end of a start's sentence if the appliance did not set what was wanted."""
    if started.sized or not wanted.any:
        return ""
    return f"; without {described(wanted)}, because the appliance is of a release that sets neither"


def described(wanted: Sizing) -> str:
    vcpus = [] if wanted.vcpus is None else [counted(wanted.vcpus, "vCPU")]
    memory = [] if wanted.memory_bytes is None else [f"{exact_size(wanted.memory_bytes)} of memory"]
    return " and ".join([*vcpus, *memory])
