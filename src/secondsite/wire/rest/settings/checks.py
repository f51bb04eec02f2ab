"""What is checked of a machine after each start at its second site."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ...common.base import Editable, Shape
from ...common.machine_checks import MOST_CHECKS, MachineCheck


class MachineChecksChange(Shape):
    """All that is to be checked."""

    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    """Each name once."""


class MachineChecks(Editable):
    """What is checked of a machine."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    checks: tuple[MachineCheck, ...]
    """They run side by side after each start of the machine by a verb."""

    def edited(self) -> Mapping[str, object]:
        return {"checks": [check.model_dump(mode="json") for check in self.checks]}
