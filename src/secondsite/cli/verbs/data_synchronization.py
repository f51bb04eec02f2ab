"""What is shown before a failback that synchronizes by itself."""

from ...client.nouns.machines import MachineHandle
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from .confirming import Confirmation


def confirmed(
    sync: DataSync,
    choice: RecoveryPointChoice,
    at_most_down: float | None,
    direction: Direction | None,
    yes: bool,
    target_appliance: str | None = None,
) -> Confirmation:
    return Confirmation(
        lambda them: them.planned_failover(
            choice=choice,
            data_sync=sync,
            at_most_down_seconds=at_most_down,
            direction=direction,
            target_appliance=target_appliance,
        ),
        lambda it: _tells(it, sync),
        yes=yes,
        more=lambda machine: _recommends(machine, sync),
    )


def _tells(it: rest.Machine, sync: DataSync) -> str:
    """What will happen to a machine that runs at its target, and is not replicated yet."""
    if sync is DataSync.BEFORE:
        return (
            f"its changes are sent from {it.target_site} to {it.source_site} while it runs; then you are "
            "asked before it is moved"
        )
    return (
        f"shut down at {it.target_site} now; everything is sent to new disks at {it.source_site}, then it "
        "starts there"
    )


def _recommends(machine: MachineHandle, sync: DataSync) -> str:
    found = machine.reprotect_preview(rest.Location.ORIGINAL)
    if found.data_sync is None:
        return "how much has changed could not be asked, so nothing is recommended"
    which = "as recommended" if found.data_sync is sync else f"recommended is '{found.data_sync}'"
    return f"{which}: {found.data_sync_because}"
