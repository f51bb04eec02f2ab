"""The scripts that run when a machine is moved."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ...common.base import Editable, Shape
from ...common.hooks import MOST_HOOKS, MachineHook


class MachineHooksChange(Shape):
    """All hooks of a machine."""

    hooks: Annotated[tuple[MachineHook, ...], Field(max_length=MOST_HOOKS)] = ()
    """Each name once, in the order in which they run."""


class MachineHooks(Editable):
    """The hooks of a machine."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    hooks: tuple[MachineHook, ...]
    """In the order in which they run."""

    def edited(self) -> Mapping[str, object]:
        return {"hooks": [hook.model_dump(mode="json") for hook in self.hooks]}
