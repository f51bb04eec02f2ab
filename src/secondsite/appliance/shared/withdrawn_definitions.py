"""Definitions of machines that were withdrawn at this site, kept so that they can come home or be a base."""

from ...wire.common.machines import MachineDefinition
from .state import State

PREFIX = "withdrawn/"


def remember(state: State, definition: MachineDefinition) -> None:
    """Keep a definition; call it before the fabric forgets the machine."""
    state.put_fact(PREFIX + definition.fabric_id, definition.model_dump_json())


def recall(state: State, fabric_id: str) -> MachineDefinition | None:
    """The definition of a withdrawn machine, or None."""
    found = state.fact(PREFIX + fabric_id)
    return MachineDefinition.model_validate_json(found) if found else None


def forget(state: State, fabric_id: str) -> None:
    state.remove_fact(PREFIX + fabric_id)
