"""The digest by which a JSON file of a replica notices its own damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_of(body: Mapping[str, Any]) -> str:
    """sha256 of the body, however it is laid out."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
