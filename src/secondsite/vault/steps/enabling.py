"""The first protection of a machine: the arguments of its job, what its check finds, and the record that
results."""

from datetime import datetime

from pydantic import Field

from ...domain.lifecycle import State
from ...wire.common.base import Shape
from ...wire.common.machines import MachineDefinition
from ...wire.common.numbers import Bytes, Text
from ...wire.common.stores import Placement
from ..store import MachineRecord
from . import lookup

MOST_VERSIONS = 1_000_000
"""The most versions of a record that one attempt makes. A version that was read once need not be read
again."""


class PlacedAt(Shape):
    """Where the request placed the machine, and what it takes there."""

    appliance_id: str
    memory_bytes: Bytes
    disk_bytes: Bytes
    said: Text
    """Why, as a part of a sentence."""


class EnableArguments(Shape):
    """The request for one machine; `machine` is its name or fabric id, `machine_id` its id once it has a
    record. `seeds` are paths by disk key; without `disks`: all. Without `target_appliance_id` it goes to
    where it was `placed`; without that the check chooses. Only an older vault set the source's."""

    machine_id: str
    machine: str
    source_site: str
    target_site: str
    source_appliance_id: str | None = None
    target_appliance_id: str | None = None
    store: str | None = None
    policy: str
    disks: tuple[str, ...] = ()
    seeds: dict[str, str] = Field(default_factory=dict)
    encrypt: bool = False
    apart: str | None = None
    together: str | None = None
    placed: PlacedAt | None = None


class EnableChecks(Shape):
    """The machine as it was found, the disks that are protected, and by which appliances; an older vault did
    not record these."""

    definition: MachineDefinition
    disks: tuple[str, ...]
    source_appliance_id: str | None = None
    target_appliance_id: str | None = None


def record(
    wanted: EnableArguments, checked: EnableChecks, job_id: str, attempt: int, now: datetime
) -> MachineRecord:
    """The machine's record. Each attempt makes it again, with a higher number, and with versions that no
    attempt before has used."""
    found = checked.definition
    return MachineRecord(
        id=wanted.machine_id,
        name=found.name,
        home_site=wanted.source_site,
        source_site=wanted.source_site,
        target_site=wanted.target_site,
        source_appliance_id=str(checked.source_appliance_id or wanted.source_appliance_id),
        target_appliance_id=str(checked.target_appliance_id or wanted.target_appliance_id),
        source_fabric_id=found.fabric_id,
        target_fabric_id=id_at_target(found, wanted),
        policy=wanted.policy,
        definition=found,
        disks=checked.disks,
        state=State.ENABLING,
        created_at=now,
        job_id=job_id,
        encrypted=wanted.encrypt,
        keeping={wanted.target_site: Placement(store=wanted.store)} if wanted.store else {},
        generation=attempt,
        claimed_by=job_id,
        version=(attempt - 1) * MOST_VERSIONS,
    )


def id_at_target(definition: MachineDefinition, wanted: EnableArguments) -> str:
    """The fabric id that the machine will have at the target."""
    return at_site(definition, wanted.target_site)


def at_site(definition: MachineDefinition, site: str) -> str:
    """The fabric id that a replica of the machine has at that site."""
    return lookup.derived_id(definition.fabric_id, site)
