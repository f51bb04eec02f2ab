"""What a machine is to be like at its second site, where that is not what it is at home."""

from typing import Annotated

from pydantic import AfterValidator

from ...domain.machines import properties
from .base import Shape

TargetName = Annotated[str, AfterValidator(properties.name)]
Vcpus = Annotated[int, AfterValidator(properties.vcpus)]
MemoryBytes = Annotated[int, AfterValidator(properties.memory)]


class Sizing(Shape):
    """vCPUs and memory that a machine is to have; null: as its definition has them."""

    vcpus: Vcpus | None = None
    """How many processors it has there; null: as many as at home."""
    memory_bytes: MemoryBytes | None = None
    """How much memory it has there; null: as much as at home."""

    @property
    def any(self) -> bool:
        return self.vcpus is not None or self.memory_bytes is not None


AS_DEFINED = Sizing()


class TargetProperties(Sizing):
    """What is set for a machine at its second site. At home it is always as it was."""

    target_name: TargetName | None = None
    """Its name after a failover; null: its own."""

    @property
    def sizing(self) -> Sizing:
        return Sizing(vcpus=self.vcpus, memory_bytes=self.memory_bytes)
