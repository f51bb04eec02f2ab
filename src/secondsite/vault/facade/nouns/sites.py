"""Sites."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from ....domain import bandwidth_schedule, errors
from ....ground.plural import counted
from ....wire.common.bandwidth import BandwidthShape
from ....wire.rest.places import Site
from ....wire.rest.verification import VerificationShape
from ...fleet import settings_push
from ...store import SiteRecord, Transaction
from ..parts import Parts
from ..shared.editions import Seen, require
from ..shared.idempotency import Once, carry_out


class Sites:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[Site]:
        with self._parts.store.reading() as tx:
            seen = [site for site in tx.sites.list() if self._parts.sees(site.name)]
            return [_shape(tx, site, self._parts.now()) for site in seen]

    def show(self, name: str) -> Site:
        """One site. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _shape(tx, existing(self._parts, tx, name), self._parts.now())

    def create(self, name: str, once: Once | None = None) -> Site:
        """Create a site. Raises AlreadyExists."""
        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, Site, lambda: self._create(tx, name))

    def limit(self, name: str, request: BandwidthShape, seen: Seen | None = None) -> Site:
        """Set how fast the appliances of the site may send, all together; those that are not connected are
        told when they connect. Raises NotFound, InvalidArgument for an invalid schedule, or
        ChangedMeanwhile."""
        schedule = request.to_domain()
        with self._parts.changing() as tx:
            before = self._require(tx, name, seen)
            site = dataclasses.replace(existing(self._parts, tx, name), bandwidth=schedule)
            tx.sites.put(site)
            shape = _shape(tx, site, self._parts.now())
            self._parts.note(before, shape)
        self._parts.signals(f"{settings_push.SITE}{name}")
        return shape

    def give(self, name: str, request: VerificationShape, seen: Seen | None = None) -> Site:
        """Set what the site gives to copies that are booted only to be looked at. Raises NotFound,
        InvalidArgument for invalid times, or ChangedMeanwhile."""
        verification = request.to_domain()
        with self._parts.changing() as tx:
            before = self._require(tx, name, seen)
            site = dataclasses.replace(existing(self._parts, tx, name), verification=verification)
            tx.sites.put(site)
            shape = _shape(tx, site, self._parts.now())
            self._parts.note(before, shape)
        return shape

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete the site. Raises NotFound, NotPossibleNow while appliances, machines, mappings or pools
        belong to it, or ChangedMeanwhile."""
        with self._parts.changing() as tx:
            self._parts.note(before=self._require(tx, name, seen))
            mappings = [*tx.networks.list(source_site=name), *tx.networks.list(target_site=name)]
            machines, appliances = tx.machines.list(name), tx.appliances.list(name)
            _refuse_with_tokens(tx, name)
            pools = [each for each in tx.pools.list() if each.settings.site == name]
            if machines or appliances or mappings or pools:
                there = (
                    (machines, "protected machine"),
                    (mappings, "network mapping"),
                    (pools, "pool"),
                    (appliances, "appliance"),
                )
                raise errors.NotPossibleNow(
                    (
                        f"Site '{name}' still has "
                        f"{', '.join(counted(len(each), noun) for each, noun in there if each)}."
                    ),
                    do="Disable protection, then delete the mappings ('secondsite mapping list'), the pools "
                    "('secondsite pool list') and the appliances, then the site.",
                )
            tx.sites.remove(name)

    def _create(self, tx: Transaction, name: str) -> Site:
        tx.one_at_a_time("sites")
        site = SiteRecord(name, self._parts.now())
        tx.sites.add(site)
        shape = _shape(tx, site, self._parts.now())
        self._parts.note(after=shape)
        return shape

    def _require(self, tx: Transaction, name: str, seen: Seen | None) -> Site:
        tx.one_at_a_time("sites")
        shape = _shape(tx, existing(self._parts, tx, name), self._parts.now())
        require(seen, shape, f"Site '{name}'")
        return shape


def existing(parts: Parts, tx: Transaction, name: str) -> SiteRecord:
    """The site. Raises NotFound, also for one that the caller does not see."""
    site = tx.sites.find(name)
    if site is None or not parts.sees(name):
        raise errors.NotFound.named("site", name)
    return site


def _refuse_with_tokens(tx: Transaction, name: str) -> None:
    """Raises NotPossibleNow while tokens, people or groups of a provider are limited to the site: they would
    be of a later site of that name."""
    theirs = [token.name for token in tx.tokens.list() if token.site == name]
    if theirs:
        raise errors.NotPossibleNow(
            f"{counted(len(theirs), 'token')} of site '{name}': {', '.join(theirs[:10])}.",
            do="An access administrator deletes them first: 'secondsite token delete NAME'.",
        )
    people = [person.name for person in tx.people.list() if person.site == name]
    if people:
        raise errors.NotPossibleNow(
            f"{counted(len(people), 'person', 'people')} of site '{name}': {', '.join(people[:10])}.",
            do="An access administrator deletes them first: 'secondsite person delete NAME'.",
        )
    named = [each.name for each in tx.providers.list() if name in (of.site for of in each.provider.groups)]
    if named:
        raise errors.NotPossibleNow(
            f"Groups of {', '.join(named)} are limited to site '{name}'.",
            do="An access administrator changes them first: 'secondsite provider set NAME --help'.",
        )


def _shape(tx: Transaction, site: SiteRecord, now: datetime) -> Site:
    appliances = tx.appliances.list(site.name)
    kinds = [appliance.hello.fabric_kind for appliance in appliances if appliance.hello]
    return Site(
        name=site.name,
        fabric_kind=kinds[0] if kinds else None,
        appliances=tuple(appliance.id for appliance in appliances),
        created_at=site.created_at,
        bandwidth=BandwidthShape.of(site.bandwidth),
        bytes_per_second_now=bandwidth_schedule.rate_at(site.bandwidth, now),
        verification=VerificationShape.of(site.verification),
    )
