"""Providers of OpenID Connect: made, changed, tried and deleted by whoever manages access."""

from collections.abc import Sequence
from dataclasses import replace

from .....domain import errors
from .....domain.access import providers
from .....domain.access.providers import GroupGrant, Provider
from .....ground.plural import counted
from .....wire import rest
from .... import openid
from ....store import PEOPLE_LOCK, ProviderRecord, Transaction
from ...parts import Parts
from ...shared import secrets
from ...shared.editions import Seen, require
from ...shared.idempotency import Once, carry_out
from .. import sites
from ..tokens import persons_of
from .people import require_no_tokens

CALLBACK = "/console/enter/"


class Providers:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def choices(self) -> rest.LogInChoices:
        """By which providers whoever is not logged in may do so."""
        with self._parts.store.reading() as tx:
            names = [each.name for each in tx.providers.list()]
        return rest.LogInChoices(providers=tuple(rest.LogInChoice(name=each) for each in names))

    def list(self) -> Sequence[rest.Provider]:
        with self._parts.store.reading() as tx:
            return [_shape(each) for each in tx.providers.list()]

    def show(self, name: str) -> rest.Provider:
        """One provider. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _shape(existing(tx, name))

    def create(self, request: rest.ProviderCreate, once: Once | None = None) -> rest.Provider:
        """A new provider. Raises AlreadyExists, InvalidArgument, NotFound for an unknown site, NotPossibleNow
        for one too many."""
        wanted = _provider(request)

        def make() -> rest.Provider:
            tx.one_at_a_time(PEOPLE_LOCK)
            self._require_sites(tx, wanted)
            _require_room(tx, request.name)
            now, seen_by = self._parts.now(), persons_of(tx, self._parts.caller)
            record = ProviderRecord(request.name, wanted, request.secret, now, now, seen_by)
            tx.providers.put(record)
            self._parts.note(after=_shape(record))
            return _shape(record)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Provider, make)

    def change(self, name: str, request: rest.ProviderChange, seen: Seen | None = None) -> rest.Provider:
        """Raises NotFound, ChangedMeanwhile, InvalidArgument. Who came from it has to log in again: what
        groups may do is looked at then."""
        wanted = _provider(request)
        with self._parts.changing() as tx:
            before = existing(tx, name, put_back=True)
            require(seen, _shape(before), f"Provider '{name}'")
            self._require_sites(tx, wanted)
            _require_same(before.provider, wanted, request.secret)
            shown_to = {*before.shown_to, *persons_of(tx, self._parts.caller)}
            after = replace(
                before,
                provider=wanted,
                secret=request.secret or before.secret,
                changed_at=self._parts.now(),
                shown_to=tuple(sorted(shown_to)),
            )
            tx.providers.put(after)
            _log_out(tx, after)
            self._parts.note(_shape(before), _shape(after))
        self._parts.providers.forget(wanted)
        return _shape(after)

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a provider, and the people who come from it. Raises NotFound, ChangedMeanwhile,
        NotPossibleNow while one of them has tokens."""
        with self._parts.changing() as tx:
            record = existing(tx, name, put_back=True)
            require(seen, _shape(record), f"Provider '{name}'")
            self._parts.note(before=_shape(record))
            theirs = tx.people.of_provider(name)
            for person in theirs:
                require_no_tokens(tx, person)
            for person in theirs:
                tx.people.remove(person.id)
                tx.sessions.remove_of(person.id)
            tx.providers.remove(name)

    def test(self, name: str) -> rest.ProviderTest:
        """Ask the provider what it says of itself, and for its keys. Raises NotFound,
        TooManyAttempts while others wait for it."""
        with self._parts.changing() as tx:
            provider = existing(tx, name).provider
        known = self._parts.providers
        known.forget(provider)
        try:
            with known.turn(provider):
                metadata, keys = known.metadata(provider), known.usable_keys(provider)
        except errors.ProviderUnavailable as problem:
            return rest.ProviderTest(works=False, said=str(problem))
        said = f"It sends people to {metadata.authorization}, and signs with {counted(keys, 'key')}."
        if not metadata.algorithms or not keys:
            return rest.ProviderTest(works=False, said=f"{said} {NO_KEYS}", keys=keys)
        if not provider.groups:
            return rest.ProviderTest(works=False, said=f"{said} {NO_GROUPS}", keys=keys)
        return rest.ProviderTest(works=True, said=said, keys=keys)

    def _require_sites(self, tx: Transaction, wanted: Provider) -> None:
        """Raises NotFound for a site that is not there."""
        for each in wanted.groups:
            if each.site is not None:
                sites.existing(self._parts, tx, each.site)


NO_GROUPS = "But none of its groups may do anything here: name some with --group, or nobody comes in."
NO_KEYS = f"The vault takes {', '.join(providers.ALGORITHMS)} alone."


def existing(tx: Transaction, name: str, *, put_back: bool = False) -> ProviderRecord:
    """The provider; `put_back`: as a record that will be put. Raises NotFound."""
    if put_back:
        tx.one_at_a_time(PEOPLE_LOCK)
    found = tx.providers.find(name)
    if found is None:
        raise errors.NotFound.named("provider", name)
    return found


def _require_room(tx: Transaction, name: str) -> None:
    there = tx.providers.list()
    if any(each.name == name for each in there):
        raise errors.AlreadyExists(f"There is a provider '{name}' already.")
    if len(there) >= providers.MOST_PROVIDERS:
        raise errors.NotPossibleNow(
            f"There are {providers.MOST_PROVIDERS} providers already.",
            do="Delete one: 'secondsite provider list'.",
        )


def _require_same(before: Provider, wanted: Provider, secret: str | None) -> None:
    """Raises InvalidArgument for another issuer, which may call somebody else by the same id; and rather than
    show a secret to whom it was not given for."""
    if before.issuer != wanted.issuer:
        raise errors.InvalidArgument(
            "A provider stays at its issuer: another one calls other people by the same ids.",
            do="Make another: 'secondsite provider create NAME --help'.",
        )
    given_for, now = [(each.client_id, secrets.trusted(each.ca_pem)) for each in (before, wanted)]
    if secret is None and given_for != now:
        raise errors.InvalidArgument(
            "The client or the certificates change, but the secret was given for the former ones.",
            do="Give the secret again, with --secret-file.",
        )


def _log_out(tx: Transaction, provider: ProviderRecord) -> None:
    """Who came from it logs in again, as it is now; whoever set it up might come as any of them."""
    for person in tx.people.of_provider(provider.name):
        shown_to = tuple(sorted({*person.shown_to, *provider.shown_to}))
        tx.people.put(replace(person, mark_sha256=secrets.new_mark(), shown_to=shown_to))
        tx.sessions.remove_of(person.id)


def _provider(request: rest.ProviderSettings) -> Provider:
    """Raises InvalidArgument."""
    wanted = Provider(
        issuer=request.issuer,
        client_id=request.client_id,
        groups=tuple(GroupGrant(each.group, each.roles, each.site) for each in request.groups),
        scopes=request.scopes,
        groups_claim=request.groups_claim,
        name_claim=request.name_claim,
        ca_pem=request.ca_pem,
    )
    providers.check(wanted)
    openid.require_certificates(wanted.ca_pem)
    return wanted


def _shape(record: ProviderRecord) -> rest.Provider:
    of = record.provider
    return rest.Provider(
        name=record.name,
        issuer=of.issuer,
        client_id=of.client_id,
        groups=tuple(
            rest.GroupGrantShape(group=each.group, roles=each.roles, site=each.site) for each in of.groups
        ),
        scopes=of.scopes,
        groups_claim=of.groups_claim,
        name_claim=of.name_claim,
        ca_pem=of.ca_pem,
        callback_path=callback_path(record.name),
        created_at=record.created_at,
        changed_at=record.changed_at,
    )


def callback_path(name: str) -> str:
    """Where browsers come back to from this provider: an address of its own, so that none can hand over the
    code of another (RFC 9700, 4.4)."""
    return f"{CALLBACK}{name}"
