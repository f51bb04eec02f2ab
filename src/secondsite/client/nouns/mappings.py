"""Mappings: which network becomes which when a machine is started at the other site."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import Connection, path, request


class Mappings:
    """All mappings. A change that is told what the caller had `seen` of the mappings between its two sites, as `list` gave
    them, raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[rest.NetworkMapping]:
        return iter(self.list())

    def list(
        self, source_site: str | None = None, target_site: str | None = None
    ) -> Sequence[rest.NetworkMapping]:
        """By site and network; only from or to a site, if one is given."""
        query = {"source_site": source_site, "target_site": target_site}
        return self._connection.many(rest.NetworkMapping, path("networks", "mappings"), query)

    def create(
        self,
        source_site: str,
        source_network: str,
        target_site: str,
        target_network: str,
        *,
        seen: Sequence[rest.NetworkMapping] | None = None,
    ) -> rest.NetworkMapping:
        """Machines of the source network are plugged into the target network; replaces another one to that site.
        Raises NotFound for an unknown site."""
        body = request(
            rest.NetworkMapping,
            source_site=source_site,
            source_network=source_network,
            target_site=target_site,
            target_network=target_network,
        )
        return self._connection.one(
            rest.NetworkMapping, "PUT", path("networks", "mappings"), body=body, seen=_edition(seen)
        )

    def delete(
        self,
        source_site: str,
        source_network: str,
        target_site: str,
        *,
        seen: Sequence[rest.NetworkMapping] | None = None,
    ) -> None:
        """Cards of the source network are not plugged in at that site any more. Raises NotFound."""
        query = {"source_site": source_site, "source_network": source_network, "target_site": target_site}
        self._connection.call("DELETE", path("networks", "mappings"), query, seen=_edition(seen))


def _edition(seen: Sequence[rest.NetworkMapping] | None) -> rest.NetworkMappings | None:
    return None if seen is None else rest.NetworkMappings(mappings=tuple(seen))
