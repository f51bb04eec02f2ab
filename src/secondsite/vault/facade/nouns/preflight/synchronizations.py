"""What machines that come back with a data synchronization would send, and what is in the way."""

from collections.abc import Mapping, Sequence

from .....domain import errors
from .....domain.plans.run_selection import listed
from .....domain.prediction.data_sync import DataSync
from .....wire import rest
from .....wire.common.machines import PowerState
from .....wire.rest.predictions import ReprotectPreview
from .....wire.rest.verbs import Location
from ....plan_runs.unsynchronized_failback import LOCATIONS
from ....steps.sides import runs_nowhere
from ....store import MachineRecord
from ...parts import Parts
from . import appliance_checks
from .returning import Returns

Previews = Mapping[str, ReprotectPreview]
"""By machine id."""


def previews(
    parts: Parts,
    machines: Sequence[MachineRecord],
    sync: DataSync,
    location: Location | None = None,
    target_appliance: str | None = None,
) -> Previews:
    """What these committed machines would send. Both sites are asked; a machine for which the time of the
    request is too short has a problem instead of an answer."""
    returns = Returns(parts)
    onto = location or LOCATIONS[sync]
    found = {each.id: returns.preview(each.id, onto, target_appliance) for each in machines}
    if sync is DataSync.BEFORE:
        return found
    return {each.id: _with_old_copy(parts, each, found[each.id]) for each in machines}


def _with_old_copy(parts: Parts, machine: MachineRecord, shown: ReprotectPreview) -> ReprotectPreview:
    """With an old copy that is on, in the way: the machine's own job refuses that, but those of the groups
    before it have moved theirs by then."""
    with parts.store.reading() as tx:
        status = tx.statuses.get(machine.id)
    old = status.old_copy or status.source
    power = None if old is None else old.power
    why = runs_nowhere.in_the_way_of_a_shutdown("The failback", machine, power or PowerState.OFF)
    if why is None:
        return shown
    obstacle = appliance_checks.obstacle(machine.source_site, why.message, why.do or "")
    return shown.model_copy(update={"ready": False, "obstacles": (obstacle, *shown.obstacles)})


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


def refuse_in_the_way(
    parts: Parts, what: str, machines: Sequence[MachineRecord], target_appliance: str | None
) -> None:
    """Raises NotPossibleNow if one of these committed machines would be shut down for a synchronization that
    is not possible. `what` comes back, for people."""
    found = previews(parts, machines, DataSync.DURING, target_appliance=target_appliance)
    blocking = {
        each.machine: next(obstacle for obstacle in each.obstacles if obstacle.blocking)
        for each in found.values()
        if not each.ready
    }
    if blocking:
        first = next(iter(blocking.values()))
        why = [f"{name}: at {each.site}: {each.what}" for name, each in blocking.items()]
        raise errors.NotPossibleNow(
            f"{what} cannot come back with the data synchronization 'during': {listed(why)}",
            do=f"{first.do} Or synchronize before the failover: '--data-sync before'.",
        )
