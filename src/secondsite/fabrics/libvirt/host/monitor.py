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
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    said = {"execute": command, **({"arguments": named} if named else {})}
    answer = json.loads(connection.monitor_command(domain, json.dumps(said)))
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
    found: dict[str, dict[str, Any]] = {}
    for device in drives:
        if "inserted" in device:
            for word in device.get("qdev", "").split("/"):
                found[word] = device["inserted"]
    return found
