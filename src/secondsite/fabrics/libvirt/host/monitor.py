"""The state of dirty bitmaps, from QEMU's monitor, because libvirt does not tell it.

`qemu-img info` on a running machine's image shows stale bitmaps or none (P4), so QEMU itself is asked.
"""

import json
from typing import Any

from ....domain import errors
from . import connection


def execute(domain: Any, command: str, **arguments: Any) -> Any:
    """QEMU's result; raises FabricError with QEMU's message."""
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    answer = json.loads(
        connection.monitor_command(domain, json.dumps({"execute": command, "arguments": named}))
    )
    if "error" in answer:
        raise errors.FabricError(
            f"QEMU refused '{command}': {answer['error'].get('desc', 'no reason given')}."
        )
    return answer["return"]


def block_devices(domain: Any) -> dict[str, dict[str, Any]]:
    """The inserted medium of each drive (node name, dirty bitmaps), by the parts of its device path."""
    found: dict[str, dict[str, Any]] = {}
    for device in execute(domain, "query-block"):
        if "inserted" in device:
            for word in device.get("qdev", "").split("/"):
                found[word] = device["inserted"]
    return found
