"""Follows events of a vault, across its restarts."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from ..domain import errors
from ..wire.common.base import Shape
from .connection import Connection

S = TypeVar("S", bound=Shape)
AWAY = (errors.VaultUnreachable, errors.VaultSlow)
AWAY_SECONDS = 60.0
"""How long a vault that does not answer is waited for."""
LOOK_AGAIN_SECONDS = 0.5
NOTHING_SEEN = "none"
"""An id that no event has: a vault that is given it answers that something may have been missed."""


def follow(
    connection: Connection,
    shape: type[S],
    path: str,
    query: Mapping[str, Any] | None = None,
    after: str | None = None,
) -> Iterator[S]:
    """The events of a vault, without an end: a stream that ends or breaks is continued after the last event.
    Raises VaultUnreachable, or VaultSlow, after a minute without the vault."""
    away_since: float | None = None
    while True:
        try:
            for seen, told in connection.events(shape, path, query, after):
                away_since, after = None, seen or after
                yield told
        except AWAY:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > AWAY_SECONDS:
                raise
        after = after or NOTHING_SEEN
        time.sleep(LOOK_AGAIN_SECONDS)
