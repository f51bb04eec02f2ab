"""Definitions of machines that were withdrawn at this site, kept so that they can come home or be a base."""

import json
from collections.abc import Mapping

from ...ground import real_files
from ...wire.common.machines import MachineDefinition
from .state import State

PREFIX, FILES = "withdrawn/", "withdrawn-files/"


def remember(state: State, definition: MachineDefinition) -> None:
    """Keep a definition, durably, and which files its disks are; call it before the machine is withdrawn."""
    state.put_fact(PREFIX + definition.fabric_id, definition.model_dump_json())
    known = _noted(state, definition.fabric_id)
    found = {
        each.key: name if isinstance(name := known.get(each.key), str) else _mark(each.path)
        for each in definition.disks
        if each.path
    }
    state.put_fact(FILES + definition.fabric_id, json.dumps(found))


def expect(state: State, fabric_id: str, devices: Mapping[str, str]) -> None:
    """Note what a machine's block devices were called while it ran here; call it before `remember`. Its host
    may have been rebooted since, and their paths may lead to others."""
    if devices:
        state.put_fact(FILES + fabric_id, json.dumps(devices))


def recall(state: State, fabric_id: str) -> MachineDefinition | None:
    """The definition of a withdrawn machine, or None."""
    found = state.fact(PREFIX + fabric_id)
    return MachineDefinition.model_validate_json(found) if found else None


def all_of(state: State) -> list[MachineDefinition]:
    """The definitions of all withdrawn machines."""
    return [MachineDefinition.model_validate_json(each) for each in state.facts(PREFIX).values()]


def device_names(state: State, definition: MachineDefinition) -> dict[str, str]:
    """What the disks that were block devices were called, by disk key."""
    known = _noted(state, definition.fabric_id)
    return {key: name for key, name in known.items() if isinstance(name, str)}


def there(state: State, definition: MachineDefinition) -> frozenset[str]:
    """By key, the disks whose files are those that the machine had when it was withdrawn: its owner may have
    deleted one, and another machine may have got its path. All of them, if a former release withdrew it."""
    known = _noted(state, definition.fabric_id)
    return frozenset(each.key for each in definition.disks if _is_same(each.path, known.get(each.key)))


def led_elsewhere(state: State, definition: MachineDefinition) -> frozenset[str]:
    """The keys of disks whose paths lead to other devices now, which may be other machines'."""
    known = _noted(state, definition.fabric_id)
    return frozenset(each.key for each in definition.disks if _is_another(each.path, known.get(each.key)))


def devices_away(state: State, definition: MachineDefinition) -> dict[str, str]:
    """Of the disks that are block devices, why one is not at its path, to be said after that; by disk key."""
    known = device_names(state, definition)
    devices = [each for each in definition.disks if each.key in known]
    found = {each.key: real_files.device_away(each.path, known[each.key]) for each in devices}
    return {key: why for key, why in found.items() if why}


_Mark = tuple[int, int | None] | str | None
"""The number of a file; what a block device is called."""


def _noted(state: State, fabric_id: str) -> dict[str, _Mark]:
    fact = state.fact(FILES + fabric_id)
    return dict(json.loads(fact)) if fact else {}


def _mark(path: str) -> _Mark:
    use = real_files.device_use(path)
    return real_files.file_number(path) if use is None else use.name


def _is_another(path: str, noted: _Mark) -> bool:
    return bool(isinstance(noted, str) and noted and real_files.device_name(path) not in ("", noted))


def _is_same(path: str, noted: _Mark) -> bool:
    if isinstance(noted, str):
        return not real_files.device_away(path, noted)
    now = real_files.file_number(path) if path else None
    return noted is None or (now is not None and now.is_same(real_files.FileNumber(*noted)))


def forget(state: State, fabric_id: str) -> None:
    state.remove_fact(PREFIX + fabric_id)
    state.remove_fact(FILES + fabric_id)
