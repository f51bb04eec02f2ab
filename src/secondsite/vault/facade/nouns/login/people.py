"""People who log in with a name: made, changed and ended by whoever manages access."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from .....domain import errors, shell
from .....domain.access.roles import Role, checked
from .....domain.access.sessions import LogInWay
from .....ground.plural import counted
from .....ground.units import DAY, MINUTE
from .....wire import rest
from ....store import PEOPLE_LOCK, PersonRecord, Transaction
from ... import holders
from ...parts import Parts
from ...shared import secrets
from ...shared.editions import Seen, require
from ...shared.idempotency import Once, carry_out
from .. import sites
from ..tokens import NAME, persons_of, require_free, require_name
from .second_factor import without

LINK_LASTS, RECOVERY_LASTS = timedelta(seconds=3 * DAY), timedelta(seconds=10 * MINUTE)


class People:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[rest.Person]:
        with self._parts.store.reading() as tx:
            return [shape(each) for each in tx.people.list()]

    def show(self, name: str) -> rest.Person:
        """One person. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return shape(existing(tx, name))

    def create(self, request: rest.PersonCreate, once: Once | None = None) -> rest.NewLink:
        """A new person, with a link by which a password is chosen. Raises AlreadyExists, NotFound for an
        unknown site, InvalidArgument for roles that do not fit the scope."""
        grant = checked(request.roles, request.site)

        def make() -> rest.NewLink:
            tx.one_at_a_time(PEOPLE_LOCK)
            if grant.site is not None:
                sites.existing(self._parts, tx, grant.site)
            now = self._parts.now()
            person = new(tx, request.name, grant.roles, grant.site, now)
            person, link = linked(person, LogInWay.LINK, now, persons_of(tx, self._parts.caller))
            tx.people.add(person)
            self._parts.note(after=shape(person))
            return link

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.NewLink, make, secret=True)

    def reset_password(self, name: str, once: Once | None = None) -> rest.NewLink:
        """A new link by which a password is chosen; the former password, and sessions, end at once. Raises
        NotFound, NotPossibleNow for a person who is disabled, or comes from a provider."""

        def reset() -> rest.NewLink:
            person = existing(tx, name, put_back=True)
            require_enabled(person)
            require_own_password(person)
            seen_by = persons_of(tx, self._parts.caller)
            changed, link = linked(person, LogInWay.LINK, self._parts.now(), seen_by)
            self._put(tx, person, replace(changed, password_hash=None))
            return link

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.NewLink, reset, secret=True)

    def change(self, name: str, request: rest.PersonChange, seen: Seen | None = None) -> rest.Person:
        """Set roles and scope; the person's sessions end. Raises NotFound, ChangedMeanwhile, InvalidArgument,
        NotPossibleNow for one who comes from a provider."""
        grant = checked(request.roles, request.site)
        with self._parts.changing() as tx:
            if grant.site is not None:
                sites.existing(self._parts, tx, grant.site)
            person = existing(tx, name, put_back=True)
            require(seen, shape(person), f"Person '{name}'")
            require_own_password(person)
            return self._put(tx, person, replace(person, roles=grant.roles, site=grant.site))

    def disable(self, name: str) -> rest.Person:
        """The person cannot log in any more; sessions and links end. Raises NotFound."""
        with self._parts.changing() as tx:
            person = existing(tx, name, put_back=True)
            since = person.disabled_at or self._parts.now()
            return self._put(tx, person, _without_link(replace(person, disabled_at=since)))

    def enable(self, name: str) -> rest.Person:
        """The person may log in again. Raises NotFound."""
        with self._parts.changing() as tx:
            person = existing(tx, name, put_back=True)
            return self._put(tx, person, replace(person, disabled_at=None))

    def reset_second_factor(self, name: str) -> rest.Person:
        """The person has none any more; sessions end. Raises NotFound."""
        with self._parts.changing() as tx:
            person = existing(tx, name, put_back=True)
            return self._put(tx, person, without(person))

    def delete(self, name: str, seen: Seen | None = None) -> None:
        """Delete a person, whose sessions end. Raises NotFound, ChangedMeanwhile, NotPossibleNow while there
        are tokens of theirs."""
        with self._parts.changing() as tx:
            person = existing(tx, name, put_back=True)
            require(seen, shape(person), f"Person '{name}'")
            require_no_tokens(tx, person)
            self._parts.note(before=shape(person))
            tx.people.remove(person.id)
            tx.sessions.remove_of(person.id)

    def _put(self, tx: Transaction, before: PersonRecord, changed: PersonRecord) -> rest.Person:
        """Put the person with a new mark: sessions end, and what was asked for counts no longer."""
        after = replace(changed, mark_sha256=secrets.new_mark())
        tx.people.put(after)
        tx.sessions.remove_of(after.id)
        self._parts.note(shape(before), shape(after))
        return shape(after)


def require_no_tokens(tx: Transaction, person: PersonRecord) -> None:
    """Raises NotPossibleNow while the person has tokens: who comes back from a provider under another name
    would be a second person for what the former one asked for by them."""
    theirs = [token.name for token in tx.tokens.list() if holders.is_of(token, person)]
    if theirs:
        raise errors.NotPossibleNow(
            f"{counted(len(theirs), 'token')} of '{person.name}': {', '.join(theirs[:10])}.",
            do=f"Delete them first: 'secondsite token delete {shell.arguments(theirs[0])}'.",
        )


def new(tx: Transaction, name: str, roles: tuple[Role, ...], site: str | None, now: datetime) -> PersonRecord:
    """A person to add. Raises InvalidArgument, AlreadyExists."""
    require_name(name, "person")
    if tx.people.named(name) is not None:
        raise errors.AlreadyExists(f"There is a person '{name}' already.")
    require_free(tx, name, name)
    return PersonRecord(name, secrets.new_mark(), now, roles=roles, site=site)


def existing(tx: Transaction, name: str, *, put_back: bool = False) -> PersonRecord:
    """The person; `put_back`: as a record that will be put. Raises NotFound."""
    if put_back:
        tx.one_at_a_time(PEOPLE_LOCK)
    found = tx.people.named(name) if NAME.fullmatch(name) else None
    if found is None:
        raise errors.NotFound.named("person", name)
    return found


def require_enabled(person: PersonRecord) -> None:
    """Raises NotPossibleNow for a person who is disabled."""
    if person.disabled_at is not None:
        raise errors.NotPossibleNow(
            f"'{person.name}' is disabled.", do="Enable first: 'secondsite person enable NAME'."
        )


def require_own_password(person: PersonRecord) -> None:
    """Raises NotPossibleNow for a person who comes from a provider, which says all of them."""
    if person.provider is not None:
        raise errors.NotPossibleNow(
            f"'{person.name}' comes from the provider '{person.provider}', whose groups give the roles, and "
            "has no password here.",
            do="Change the groups there, or what they may do: 'secondsite provider set PROVIDER --help'.",
        )


def linked(
    person: PersonRecord, way: LogInWay, now: datetime, seen_by: tuple[str, ...]
) -> tuple[PersonRecord, rest.NewLink]:
    """The person with a link that lets in once, which these persons see."""
    code = secrets.new_link()
    until = now + (RECOVERY_LASTS if way is LogInWay.RECOVERY else LINK_LASTS)
    shown_to = tuple(sorted({*person.shown_to, *seen_by}))
    changed = replace(
        person, link_sha256=secrets.digest(code), link_way=way, link_until=until, shown_to=shown_to
    )
    return changed, rest.NewLink(name=person.name, link=code, until=until)


def _without_link(person: PersonRecord) -> PersonRecord:
    return replace(person, link_sha256=None, link_way=None, link_until=None)


def shape(person: PersonRecord) -> rest.Person:
    return rest.Person(
        id=person.id,
        name=person.name,
        roles=person.roles,
        site=person.site,
        created_at=person.created_at,
        disabled_at=person.disabled_at,
        has_password=person.password_hash is not None,
        has_second_factor=person.has_second_factor,
        link_way=person.link_way,
        link_until=person.link_until,
        last_login_at=person.last_login_at,
        last_address=person.last_address,
        provider=person.provider,
    )
