"""What is shown before a failback that synchronizes by itself."""

from collections.abc import Sequence

from ...client.nouns.machines import MachineHandle
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from ...wire.rest.predictions import ReprotectPreview
from . import returning
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
    return _recommended(machine.reprotect_preview(rest.Location.ORIGINAL), sync)


def of_plan(preview: rest.PlanPreview) -> Sequence[str]:
    """What is done before the machines of the plan are moved, or with it; nothing without groups."""
    if preview.data_sync is None or not preview.groups:
        return ()
    if preview.data_sync is DataSync.BEFORE:
        return (
            "first all are synchronized while they run; then the job waits for your answer, 'complete', "
            "before any of them is moved",
        )
    return (
        "group after group: its machines are shut down, everything is sent to new disks without comparing, "
        "and they start at home; they are down meanwhile",
    )


def of_machine(machine: rest.PlanPreviewMachine, sync: DataSync | None) -> str:
    """What is sent of a machine of the plan, and whether the vault recommends that, after what else is said
    of it."""
    if sync is None:
        return ""
    found = machine.synchronization
    if found is None:
        return "; protected already: only its last changes are sent"
    return f"; {returning.told(found)}; {_recommended(found, sync)}"


def _recommended(found: ReprotectPreview, sync: DataSync) -> str:
    if found.data_sync is None:
        return "how much has changed could not be asked, so nothing is recommended"
    which = "as recommended" if found.data_sync is sync else f"recommended is '{found.data_sync}'"
    return f"{which}: {found.data_sync_because}"
