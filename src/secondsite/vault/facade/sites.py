"""Sites."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from ...domain import bandwidth, errors
from ...wire.bandwidth import BandwidthShape
from ...wire.places import SiteShape
from .. import ports
from ..watch import telling
from .parts import Parts


class Sites:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[SiteShape]:
        with self._parts.store.reading() as tx:
            return [_shape(tx, site, self._parts.now()) for site in tx.sites.list()]

    def show(self, name: str) -> SiteShape:
        """Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _shape(tx, existing(tx, name), self._parts.now())

    def create(self, name: str) -> SiteShape:
        """Raises AlreadyExists."""
        with self._parts.store.transaction() as tx:
            site = ports.SiteRecord(name, self._parts.now())
            tx.sites.add(site)
            return _shape(tx, site, self._parts.now())

    def limit(self, name: str, request: BandwidthShape) -> SiteShape:
        """How fast the appliances of the site may send from now on, all together; those that are away learn it when
        they connect. Raises NotFound, or InvalidArgument for values that make no schedule."""
        schedule = request.to_domain()
        with self._parts.store.transaction() as tx:
            site = dataclasses.replace(existing(tx, name), bandwidth=schedule)
            tx.sites.put(site)
            shape = _shape(tx, site, self._parts.now())
        self._parts.switchboard(f"{telling.SITE}{name}")
        return shape

    def remove(self, name: str) -> None:
        """Raises NotFound, or NotPossibleNow while appliances, machines or mappings belong to the site."""
        with self._parts.store.transaction() as tx:
            existing(tx, name)
            mappings = [*tx.networks.list(source_site=name), *tx.networks.list(target_site=name)]
            machines, appliances = tx.machines.list(name), tx.appliances.list(name)
            if machines or appliances or mappings:
                raise errors.NotPossibleNow(
                    f"Site '{name}' has {len(appliances)} appliances, {len(machines)} machines under protection "
                    f"and {len(mappings)} network mappings.",
                    do="Disable protection, then remove the mappings and the appliances, then the site.",
                )
            tx.sites.remove(name)


def existing(tx: ports.Transaction, name: str) -> ports.SiteRecord:
    """Raises NotFound."""
    site = tx.sites.find(name)
    if site is None:
        raise errors.NotFound.named("site", name)
    return site


def _shape(tx: ports.Transaction, site: ports.SiteRecord, now: datetime) -> SiteShape:
    appliances = tx.appliances.list(site.name)
    kinds = [appliance.hello.fabric_kind for appliance in appliances if appliance.hello]
    return SiteShape(
        name=site.name,
        fabric_kind=kinds[0] if kinds else None,
        appliances=tuple(appliance.id for appliance in appliances),
        created_at=site.created_at,
        bandwidth=BandwidthShape.of(site.bandwidth),
        bytes_per_second_now=bandwidth.rate_at(site.bandwidth, now),
    )
