"""Networks of the sites."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import Connection, path


class Networks:
    """What the sites have to plug machines into."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[rest.SiteNetworks]:
        return iter(self.list())

    def list(self, site: str | None = None) -> Sequence[rest.SiteNetworks]:
        """Per site its networks and the mappings from it; of a site that cannot be asked now those that it had, and
        why. Raises NotFound for an unknown site."""
        return self._connection.many(rest.SiteNetworks, path("networks"), {"site": site})
