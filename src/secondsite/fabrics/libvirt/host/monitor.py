"""Reads the state of dirty bitmaps from QEMU's monitor, because libvirt does not tell it.

`qemu-img info` on a running machine's image shows stale bitmaps or none (P4), so QEMU itself is asked.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ....domain import errors
from . import connection


def execute(domain: Any, command: str, **arguments: Any) -> Any:
    """QEMU's result; raises FabricError with QEMU's message."""
    return _result(command, connection.monitor_command(domain, _line(command, arguments)))


def execute_with_file(domain: Any, file: int, command: str, **arguments: Any) -> Any:
    """As `execute`; QEMU gets the open file with the command."""
    return _result(command, connection.monitor_command_with_file(domain, _line(command, arguments), file))


def _line(command: str, arguments: Mapping[str, Any]) -> str:
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    return json.dumps({"execute": command, **({"arguments": named} if named else {})})


def _result(command: str, said: str) -> Any:
    answer = json.loads(said)
    if "error" in answer:
        raise errors.FabricError(
            f"QEMU refused '{command}': {answer['error'].get('desc', 'no reason given')}."
        )
    return answer["return"]


def block_devices(domain: Any) -> dict[str, dict[str, Any]]:
    """The inserted medium of each drive (node name, dirty bitmaps), by the parts of its device path."""
    return by_part(drives(domain))


def drives(domain: Any) -> list[dict[str, Any]]:
    """QEMU's description of its drives."""
    return list(execute(domain, "query-block"))


def by_part(drives: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same as `block_devices`, from QEMU's description of its drives."""
    return {part: device["inserted"] for part, device in devices_by_part(drives).items()}


def devices_by_part(drives: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The same with the whole description of each drive that has a medium."""
    return {
        word: device
        for device in drives
        if "inserted" in device
        for word in device.get("qdev", "").split("/")
    }
