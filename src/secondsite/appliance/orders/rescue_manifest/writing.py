"""Writes a file about a site or a machine, with the time of its last change."""

import json
from datetime import UTC, datetime
from pathlib import Path

from ....ground import durable
from ....rescue import signed, trusted

AT = "at"


def put(path: Path, body: dict[str, object]) -> int:
    """Write `body` if it differs from what the file has; returns 1 if it was written, else 0."""
    try:
        before = trusted(path)
        before.pop(AT, None)
    except (OSError, ValueError):
        before = {}
    plain = json.loads(json.dumps(body))
    if before == plain:
        return 0
    durable.write(path, signed({**plain, AT: datetime.now(UTC).isoformat(timespec="seconds")}))
    return 1
