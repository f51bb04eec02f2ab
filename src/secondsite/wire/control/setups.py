"""What the two appliances of a machine need to replicate it by themselves."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ..common.base import MACHINE_ID, Shape
from ..common.machines import MachineDefinition
from ..common.numbers import Number
from ..common.policies import PolicyShape
from ..common.stores import Placement
from ..common.sync_mode import SyncMode


class Base(StrEnum):
    """What a new replica starts from: EMPTY disks, or the disks of the machine that ran at this site
    before."""

    EMPTY = "empty"
    EXISTING = "existing"


class GroupPart(Shape):
    """The members of a group that one appliance replicates, and where its data port is."""

    appliance_id: str
    name: str
    addresses: tuple[str, ...] = ()
    members: tuple[str, ...]


class GroupShape(Shape):
    """A replication group as the source's appliance needs it; `members` are machine ids."""

    name: str
    multi_vm_every_seconds: Number
    app_consistent: bool = False
    members: tuple[str, ...]
    parts: tuple[GroupPart, ...] = ()
    """Which appliance replicates which members, if several do; the first one leads the common points. An
    older appliance ignores this, finds members missing, and takes no common point."""


class SourceSetup(Shape):
    """Everything that a source appliance needs to replicate by itself from now on. `epoch` rises whenever
    direction or replica changes; a target refuses cycles of another epoch."""

    machine_id: Annotated[str, Field(pattern=MACHINE_ID)]
    machine_name: str
    fabric_id: str
    epoch: Number
    disks: tuple[str, ...]
    target_appliance_id: str
    target_addresses: tuple[str, ...]
    policy: PolicyShape
    sync: SyncMode
    seeded: tuple[str, ...] = ()
    """Disks of which the target holds a copy already: they are compared, whatever `sync` says."""
    left_out: tuple[str, ...] = ()
    """Disks that the machine has and that are not protected by choice."""


class ReplicaSetup(Shape):
    """Everything that a target appliance needs for a replica. `existing_fabric_id` names this site's old
    machine when base is EXISTING. `encrypted`: new disks are encrypted with the appliance's key; existing
    disks stay as they are. `made_by`: the job that has it made, which may undo that; an older vault does
    not say it."""

    machine_id: Annotated[str, Field(pattern=MACHINE_ID)]
    machine_name: str
    epoch: Number
    definition: MachineDefinition
    disks: tuple[str, ...]
    source_appliance_id: str
    policy: PolicyShape
    base: Base = Base.EMPTY
    existing_fabric_id: str | None = None
    encrypted: bool = False
    made_by: str | None = None
    keeping: Placement = Placement()
    """The store in which it is made; an existing replica stays where it is. An older appliance ignores
    this."""
    lies_here: bool = False
    """Whether it was made here earlier and this appliance may have forgotten it: then none is made anew."""
