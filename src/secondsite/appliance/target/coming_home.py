"""The definition with which a machine is made here when it comes home: as it was withdrawn or, if it never
was or has been deleted since, as it left."""

from typing import Protocol

from ...wire.common.machines import MachineDefinition
from ..shared import State, withdrawn_definitions
from .replica import HostedReplica


class MachineRequest(Protocol):
    """The machine that is to be made, or may have to be."""

    @property
    def home(self) -> bool: ...
    @property
    def fabric_id(self) -> str: ...


def as_withdrawn(state: State, hosted: HostedReplica, wanted: MachineRequest) -> MachineDefinition | None:
    """The definition that was withdrawn here, if it is that machine that comes home; else None."""
    if not wanted.home or hosted.setup.existing_fabric_id != wanted.fabric_id:
        return None
    return withdrawn_definitions.recall(state, wanted.fabric_id)


def definition(
    state: State, hosted: HostedReplica, wanted: MachineRequest, there: MachineDefinition
) -> MachineDefinition:
    """The definition for the machine here; `there` is the one at the point. A machine that is made anew at
    home is made as it left: the other site may have left out cards for which it had no network."""
    if not wanted.home or as_withdrawn(state, hosted, wanted) is not None:
        return there
    left, keys = hosted.setup.definition, {disk.key for disk in there.disks}
    kept = tuple(disk for disk in left.disks if disk.key in keys)
    if len(kept) < len(keys):  # the other site added some
        return there
    return left.model_copy(update={"disks": kept})
