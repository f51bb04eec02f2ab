"""Mappings: which network becomes which when a machine is started at the other site."""

from collections.abc import Iterator, Mapping, Sequence

from ...wire import rest
from ...wire.common.disk_places import DiskPlace
from ..connection import Connection, path, request


class Mappings:
    """All mappings. A change that is told what the caller had `seen` of the mappings between its two
    sites, as `list` gave them, raises ChangedMeanwhile when somebody else was faster."""

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
        """Machines of the source network are plugged into the target network; replaces another one to that
        site. Raises NotFound for an unknown site."""
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


# Pairs of sites: what holds between two of them, whichever way machines move.


class Pairs:
    """All pairs. A change that is told what the caller had `seen` raises ChangedMeanwhile when somebody
    else was faster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[rest.SitePair]:
        return iter(self.list())

    def list(self) -> Sequence[rest.SitePair]:
        """Every pair of sites, by name."""
        return self._connection.many(rest.SitePair, path("site-pairs"))

    def show(self, site: str, other: str) -> rest.SitePair:
        """What holds between two sites. Raises NotFound."""
        return self._connection.one(rest.SitePair, "GET", path("site-pairs", site, other))

    def set(
        self,
        site: str,
        other: str,
        *,
        reverse_after_commit: bool,
        settle: Mapping[str, DiskPlace] | None = None,
        seen: rest.SitePair | None = None,
    ) -> rest.SitePair:
        """Whether a machine that a planned failover moved between them is protected back by itself once
        that is committed; and by site, to where in its own storage the disks of one move that a commit has
        left there: what is not named does not. Raises NotFound."""
        body = request(
            rest.SitePairChange, reverse_after_commit=reverse_after_commit, settle=dict(settle or {})
        )
        return self._connection.one(
            rest.SitePair, "PUT", path("site-pairs", site, other), body=body, seen=seen
        )


# Networks of the sites.


class Networks:
    """The networks of the sites."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[rest.SiteNetworks]:
        return iter(self.list())

    def list(self, site: str | None = None) -> Sequence[rest.SiteNetworks]:
        """Per site its networks and the mappings from it; of a site that cannot be asked now those that it
        had, and why. Raises NotFound for an unknown site."""
        return self._connection.many(rest.SiteNetworks, path("networks"), {"site": site})
