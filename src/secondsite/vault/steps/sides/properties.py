"""A machine's properties at its target: its name, vCPUs, memory and CPU model.

A machine that comes home is as it was withdrawn there: settings are for the second site.
"""

from ....wire.common.properties import Sizing, TargetProperties
from ....wire.control.checks import Obstacles, ObstacleShape, TargetCheckFact
from ....wire.control.orders import StartFact
from ...store import MachineRecord, Transaction
from .target import AS_AT_HOME


def set_for(tx: Transaction, machine: MachineRecord) -> TargetProperties:
    return AS_AT_HOME if machine.reversed else tx.properties.find(machine.id)


def too_old(wanted: Sizing, target: TargetCheckFact, machine: MachineRecord) -> Obstacles:
    """A warning if the appliance is too old: it starts the machine as it is at home."""
    unset = _unset(wanted, lays_out=target.sizes, cpu_model=target.sets_cpu_model)
    if not unset.any:
        return Obstacles()
    what = (
        f"The appliance at {machine.target_site} is of a release that does not set this: {machine.name} "
        f"will not have {' and '.join(unset.words)} there, but what it has at home."
    )
    return Obstacles(obstacles=(ObstacleShape(what=what, do="Upgrade it.", blocking=False),))


def not_done(wanted: Sizing, started: StartFact) -> str:
    """The end of a start's sentence if the appliance did not set what was wanted."""
    unset = _unset(wanted, lays_out=started.sized, cpu_model=started.cpu_model == wanted.cpu_model)
    if not unset.any:
        return ""
    return (
        f"; without {' and '.join(unset.words)}, because the appliance is of a release that does not set it"
    )


def _unset(wanted: Sizing, *, lays_out: bool, cpu_model: bool) -> Sizing:
    """The properties that an appliance with these abilities leaves as they are at home."""
    rest = {} if lays_out else {"vcpus": wanted.vcpus, "memory_bytes": wanted.memory_bytes}
    return Sizing(**rest, cpu_model=None if cpu_model else wanted.cpu_model)
