"""What is shown before a failback that synchronizes by itself."""

from collections.abc import Sequence
from typing import NamedTuple

from ...client.nouns.machines import MachineHandle
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from ...wire.rest.predictions import ReprotectPreview
from . import returning
from .confirming import Confirmation


class Place(NamedTuple):
    """Where the data goes, as it was given."""

    location: rest.Location | None = None
    appliance: str | None = None
    store: str | None = None


def confirmed(
    sync: DataSync,
    choice: RecoveryPointChoice,
    at_most_down: float | None,
    direction: Direction | None,
    yes: bool,
    place: Place = Place(),
) -> Confirmation:
    return Confirmation(
        lambda them: them.planned_failover(
            choice=choice,
            data_sync=sync,
            at_most_down_seconds=at_most_down,
            direction=direction,
            target_appliance=place.appliance,
            location=place.location,
            store=place.store,
        ),
        lambda it: _tells(it, sync, place),
        yes=yes,
        more=lambda machine: _recommends(machine, sync, place),
    )


def _tells(it: rest.Machine, sync: DataSync, place: Place) -> str:
    """What will happen to a machine that runs at its target, and is not replicated yet."""
    there = it.source_site if place.appliance is None else f"appliance {place.appliance}"
    if sync is DataSync.DURING:
        return (
            f"shut down at {it.target_site} now; everything is sent to new disks at {there}, then it starts "
            "there"
        )
    what = "all its data is" if place.location is rest.Location.ALTERNATE else "its changes are"
    return (
        f"{what} sent from {it.target_site} to {there} while it runs; then you are asked before it is moved"
    )


def _recommends(machine: MachineHandle, sync: DataSync, place: Place) -> str:
    if place.location is None and place.appliance is None:
        return _recommended(machine.reprotect_preview(rest.Location.ORIGINAL), sync)
    onto = place.location or (rest.Location.ORIGINAL if sync is DataSync.BEFORE else rest.Location.ALTERNATE)
    return returning.told(machine.reprotect_preview(onto, place.appliance))


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
