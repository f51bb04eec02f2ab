"""What a machine is to be like at its second site."""

from collections.abc import Mapping

from ...common.base import Editable
from ...common.properties import TargetProperties


class MachinePropertiesChange(TargetProperties):
    """All that is to be set."""


class MachineProperties(Editable, TargetProperties):
    """What is set for a machine's second site, beside what it has where it runs."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    own_vcpus: int
    """How many processors it has where it runs."""
    own_memory_bytes: int
    """How much memory it has where it runs."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include=set(TargetProperties.model_fields))
