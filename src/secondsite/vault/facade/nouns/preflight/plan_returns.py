"""What a plan's machines would send before they come home, and what is in the way, machine after machine."""

from collections.abc import Mapping, Sequence

from .....domain import errors
from .....domain.plans.run_selection import listed
from .....domain.prediction.data_sync import DataSync
from .....wire import rest
from .....wire.rest.predictions import ReprotectPreview
from ....plan_runs.unsynchronized_failback import LOCATIONS
from ....store import MachineRecord
from ...parts import Parts
from .returning import Returns

Previews = Mapping[str, ReprotectPreview]
"""By machine id."""


def previews(parts: Parts, machines: Sequence[MachineRecord], sync: DataSync) -> Previews:
    """What these committed machines would send. Both sites are asked; a machine for which the time of the
    request is too short has a problem instead of an answer."""
    returns = Returns(parts)
    return {each.id: returns.preview(each.id, LOCATIONS[sync]) for each in machines}


def told(shown: rest.PlanPreview, found: Previews) -> rest.PlanPreview:
    """The preview of a run, with those of its machines."""
    groups = tuple(
        group.model_copy(
            update={
                "machines": tuple(
                    each.model_copy(update={"synchronization": found.get(each.id)}) for each in group.machines
                )
            }
        )
        for group in shown.groups
    )
    return shown.model_copy(update={"groups": groups})


def refuse_in_the_way(plan: str, found: Previews) -> None:
    """Raises NotPossibleNow if something blocks the synchronization of a machine."""
    blocking = {
        each.machine: next(obstacle for obstacle in each.obstacles if obstacle.blocking)
        for each in found.values()
        if not each.ready
    }
    if blocking:
        first = next(iter(blocking.values()))
        why = [f"{name}: at {each.site}: {each.what}" for name, each in blocking.items()]
        raise errors.NotPossibleNow(
            f"Plan '{plan}' cannot come home with the data synchronization 'during': {listed(why)}",
            do=(
                f"{first.do} Or leave each of these machines out (--leave-out MACHINE); or synchronize "
                "before the failover."
            ),
        )
