"""Properties that a machine has at its second site instead of those at home."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ...domain.amounts import exact_size
from ...domain.machines import properties
from ...domain.machines.stand_ins import StandIn
from ...ground.plural import counted
from .base import Shape
from .disk_places import DiskPlace
from .points import MOST_DISKS

TargetName = Annotated[str, AfterValidator(properties.name)]
Vcpus = Annotated[int, AfterValidator(properties.vcpus)]
MemoryBytes = Annotated[int, AfterValidator(properties.memory)]


CpuModel = Annotated[str, AfterValidator(properties.cpu_model)]
PlacementWord = Annotated[str, AfterValidator(properties.placement_word)]
StartDelay = Annotated[int, AfterValidator(properties.start_delay)]
StandIns = Annotated[dict[str, StandIn], Field(max_length=MOST_DISKS)]
"""What stands in for disks that were left out, by their keys."""


class Sizing(Shape):
    """vCPUs, memory and CPU model that a machine is to have; null: as its definition has them."""

    vcpus: Vcpus | None = None
    """How many processors it has there; null: as many as at home."""
    memory_bytes: MemoryBytes | None = None
    """How much memory it has there; null: as much as at home."""
    cpu_model: CpuModel | None = None
    """Which CPU model it has there: host-model, or a name that its hypervisor knows; null: as at home."""

    @property
    def any(self) -> bool:
        return self.lays_out or self.cpu_model is not None

    @property
    def lays_out(self) -> bool:
        """Whether vCPUs or memory differ, so that the definition's layout of both must change."""
        return self.vcpus is not None or self.memory_bytes is not None

    @property
    def words(self) -> tuple[str, ...]:
        """What differs from home, in words: '2 vCPUs', '1 GiB of memory', 'CPU model Nehalem'."""
        vcpus = () if self.vcpus is None else (counted(self.vcpus, "vCPU"),)
        memory = () if self.memory_bytes is None else (f"{exact_size(self.memory_bytes)} of memory",)
        model = () if self.cpu_model is None else (f"CPU model {self.cpu_model}",)
        return (*vcpus, *memory, *model)


AS_DEFINED = Sizing()


class TargetProperties(Sizing):
    """What is set for a machine at its second site. At home it is always as it was."""

    target_name: TargetName | None = None
    """Its name after a failover; null: its own."""
    start_delay_seconds: StartDelay | None = None
    """In a run of a plan it starts there this many seconds later than the others of its group; null: it does
    not wait."""
    apart: PlacementWord | None = None
    """A word of your own: two machines that have the same are never placed on one host there; null: it may
    be beside any."""
    together: PlacementWord | None = None
    """A word of your own: of the hosts there that take the machine, the one that has most of those that have
    the same is chosen; null: it goes where there is most space."""
    settle: dict[str, DiskPlace] = Field(default_factory=dict, max_length=MOST_DISKS)
    """Where disks of it go by themselves, by their keys, once a failover to there is committed; the others go
    where the setting of its two sites says."""

    stand_in: StandIns = Field(default_factory=dict)
    """What stands in there for disks that were left out of its recovery points, by their keys: nothing, empty
    or file-system; for the others an empty file system where one was seen, else an empty disk."""

    @property
    def sizing(self) -> Sizing:
        return Sizing(vcpus=self.vcpus, memory_bytes=self.memory_bytes, cpu_model=self.cpu_model)
