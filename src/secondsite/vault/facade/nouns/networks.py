"""Networks of a site, and their mappings to networks of other sites."""

from collections.abc import Sequence

from ....domain import errors
from ....wire.rest.places import NetworkMapping, NetworkMappings, SiteNetworks
from ...store import Transaction
from ..parts import Parts
from ..shared import discovery
from ..shared.editions import Seen, require
from . import sites


class Networks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of_site(self, site: str) -> SiteNetworks:
        """The networks of the site, or the last known ones, and the mappings from it. Raises what discovery
        raises if the site was never asked."""
        with self._parts.store.reading() as tx:
            sites.existing(self._parts, tx, site)
        return self._shape(site, discovery.now_or_last(self._parts, site))

    def list(self) -> Sequence[SiteNetworks]:
        """The networks of every site; a site that was never asked and cannot be asked now shows its mappings
        and the reason."""
        with self._parts.store.reading() as tx:
            names = [site.name for site in tx.sites.list() if self._parts.sees(site.name)]
        found = discovery.at_once(names, lambda name: discovery.seen(self._parts, name))
        return [self._shape(name, seen) for name, seen in zip(names, found, strict=True)]

    def mappings(
        self, source_site: str | None = None, target_site: str | None = None
    ) -> Sequence[NetworkMapping]:
        with self._parts.store.reading() as tx:
            found = tx.networks.list(source_site, target_site)
        return [each for each in found if self._parts.sees(each.source_site, each.target_site)]

    def map(self, mapping: NetworkMapping, seen: Seen | None = None) -> NetworkMapping:
        """Create or replace the mapping of a network. Raises NotFound for a site that does not exist, or
        ChangedMeanwhile when the mappings between the two sites have changed since they were seen."""
        if mapping.source_site == mapping.target_site:
            raise errors.InvalidArgument("A mapping needs two different sites.")
        with self._parts.changing() as tx:
            tx.one_at_a_time("mappings")
            sites.existing(self._parts, tx, mapping.source_site)
            sites.existing(self._parts, tx, mapping.target_site)
            _require(tx, seen, mapping.source_site, mapping.target_site)
            self._parts.note(_mapping(tx, mapping), mapping)
            tx.networks.put(mapping)
        return mapping

    def unmap(
        self, source_site: str, source_network: str, target_site: str, seen: Seen | None = None
    ) -> None:
        """Delete a mapping. Raises NotFound, or ChangedMeanwhile as `map` does."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("mappings")
            there = tx.networks.list(source_site, target_site)
            if source_network not in [mapping.source_network for mapping in there]:
                raise errors.NotFound.named("network mapping", source_network, "network list")
            _require(tx, seen, source_site, target_site)
            self._parts.note(before=next(each for each in there if each.source_network == source_network))
            tx.networks.remove(source_site, source_network, target_site)

    def _shape(self, site: str, seen: discovery.SiteContents) -> SiteNetworks:
        return SiteNetworks(
            site=site,
            networks=seen.inventory.networks,
            mappings=tuple(self.mappings(source_site=site)),
            problem=seen.problem,
            seen_at=seen.seen_at,
        )


def _mapping(tx: Transaction, like: NetworkMapping) -> NetworkMapping | None:
    there = tx.networks.list(like.source_site, like.target_site)
    return next((each for each in there if each.source_network == like.source_network), None)


def _require(tx: Transaction, seen: Seen | None, source_site: str, target_site: str) -> None:
    now = NetworkMappings(mappings=tuple(tx.networks.list(source_site, target_site)))
    require(seen, now, f"A mapping from {source_site} to {target_site}")
