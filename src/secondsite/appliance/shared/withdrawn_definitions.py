"""Definitions of machines that were withdrawn at this site, kept so that they can come home or be a base."""

import json

from ...ground import real_files
from ...wire.common.machines import MachineDefinition
from .state import State

PREFIX, FILES = "withdrawn/", "withdrawn-files/"


def remember(state: State, definition: MachineDefinition) -> None:
    """Keep a definition, durably, and which files its disks are; call it before the machine is withdrawn."""
    state.put_fact(PREFIX + definition.fabric_id, definition.model_dump_json())
    numbers = {each.key: real_files.file_number(each.path) for each in definition.disks if each.path}
    state.put_fact(FILES + definition.fabric_id, json.dumps(numbers))


def recall(state: State, fabric_id: str) -> MachineDefinition | None:
    """The definition of a withdrawn machine, or None."""
    found = state.fact(PREFIX + fabric_id)
    return MachineDefinition.model_validate_json(found) if found else None


def there(state: State, definition: MachineDefinition) -> frozenset[str]:
    """By key, the disks whose files are those that the machine had when it was withdrawn: its owner may have
    deleted one, and another machine may have got its path. All of them, if a former release withdrew it."""
    fact = state.fact(FILES + definition.fabric_id)
    numbers = json.loads(fact) if fact else {}
    return frozenset(each.key for each in definition.disks if _is_same(each.path, numbers.get(each.key)))


def _is_same(path: str, noted: tuple[int, int | None] | None) -> bool:
    now = real_files.file_number(path) if path else None
    return noted is None or (now is not None and now.is_same(real_files.FileNumber(*noted)))


def forget(state: State, fabric_id: str) -> None:
    state.remove_fact(PREFIX + fabric_id)
    state.remove_fact(FILES + fabric_id)
