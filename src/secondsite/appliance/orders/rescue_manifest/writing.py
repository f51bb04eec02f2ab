"""A file that says something of a site or a machine, and since when."""

import json
from datetime import UTC, datetime
from pathlib import Path

from ....ground import durable
from ....rescue import signed, trusted

AT = "at"


def put(path: Path, body: dict[str, object]) -> int:
    """1 if it was not so before. The instant says when that was."""
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
