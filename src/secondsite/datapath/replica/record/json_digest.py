"""The digest by which a JSON file of a replica notices its own damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any


def digest_of(body: Mapping[str, Any]) -> str:
    """sha256 of the body, however it is laid out."""
    return _sha256(_canonical(body))


def signed(body: Mapping[str, Any], plain: Callable[[Any], Any] | None = None) -> bytes:
    """The body, which says something, with its digest as `sha256`: made in one pass, because a cycle writes its record twice. `plain` gives
    what JSON knows for a value that it does not."""
    canonical = _canonical(body, plain)
    return f'{canonical[:-1]},"sha256":"{_sha256(canonical)}"}}\n'.encode()


def _canonical(body: Mapping[str, Any], plain: Callable[[Any], Any] | None = None) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), default=plain)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
