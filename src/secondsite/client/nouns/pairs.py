"""Pairs of sites: what holds between two of them, whichever way machines move."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import Connection, path, request


class Pairs:
    """All pairs. A change that is told what the caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[rest.SitePair]:
        return iter(self.list())

    def list(self) -> Sequence[rest.SitePair]:
        """Every two sites, by name."""
        return self._connection.many(rest.SitePair, path("site-pairs"))

    def show(self, site: str, other: str) -> rest.SitePair:
        """What holds between two sites. Raises NotFound."""
        return self._connection.one(rest.SitePair, "GET", path("site-pairs", site, other))

    def set(
        self, site: str, other: str, *, reverse_after_commit: bool, seen: rest.SitePair | None = None
    ) -> rest.SitePair:
        """Whether a machine that a planned failover moved between them is protected back by itself once that is committed.
        Raises NotFound."""
        body = request(rest.SitePairChange, reverse_after_commit=reverse_after_commit)
        return self._connection.one(
            rest.SitePair, "PUT", path("site-pairs", site, other), body=body, seen=seen
        )
