"""How many disks may come home to an appliance at once (S-322)."""

from ....domain import shell
from ....ground.plural import counted
from ....wire.control.checks import Obstacles, ObstacleShape
from ...store import ApplianceRecord, MachineRecord, Transaction


def of(tx: Transaction, appliance: ApplianceRecord | None, new: MachineRecord) -> Obstacles:
    """Obstacles to bringing `new` home, a machine in its future roles."""
    most = appliance.hello.most_disks_home if appliance is not None and appliance.hello is not None else None
    if appliance is None or most is None or not new.reversed:
        return Obstacles()
    known, more = tx.machines.coming_home(appliance.id, new.id), len(new.disks)
    if known + more <= most:
        return Obstacles()
    what = (
        f"Appliance '{appliance.name}' takes {counted(most, 'disk')} home at once: {known} of other "
        f"machines are on their way to it, and {new.name} has {more}."
    )
    do = (
        f"Choose another appliance ('secondsite machine appliances {shell.arguments(new.name)}'), bring "
        "others home first, or raise 'most_disks_home' in its appliance.json and restart it."
    )
    return Obstacles(obstacles=(ObstacleShape(what=what, do=do),))
