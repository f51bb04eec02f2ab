"""Log-ins by way of a provider: a browser is sent there, and comes back."""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from .....domain import errors
from .....domain.access import providers
from .....domain.access.approvals import is_same_person
from .....domain.access.providers import Claims, Provider
from .....domain.access.roles import Grant
from .....domain.access.sessions import LogInWay
from .....ground.plural import counted
from .....ground.units import MINUTE
from .....wire import rest
from .... import openid
from ....openid import Exchange
from ....store import PEOPLE_LOCK, PersonRecord, ProviderLogin, ProviderRecord, Transaction
from ... import holders
from ...attempts import Attempt
from ...parts import Parts
from ...shared import secrets
from ..tokens import require_name
from .logins import MOST_OF_AN_ADDRESS, Begun, LogIns
from .people import shape
from .proofs import Proof
from .providers import callback_path, existing

LASTS = timedelta(seconds=10 * MINUTE)
MOST_ON_THEIR_WAY, MOST_PEOPLE = 2000, 5000
"""The most log-ins that are on their way at once, and people of one provider. Of the former the oldest go:
whoever begins them without end cannot begin so many in the time that one takes."""
ERROR = re.compile(r"[a-z_]{1,60}")
ANEW = "Log in again."


@dataclass(frozen=True, slots=True)
class Sent:
    """A browser that is sent to a provider: where to, and what it keeps until it is back."""

    address: str
    secret: str


class ByProvider:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def begin(self, request: rest.ProviderLogIn, host: str) -> Sent:
        """Where the browser, which reached the vault as `host`, goes on. Raises NotFound, InvalidArgument,
        ProviderUnavailable, TooManyAttempts."""
        if not providers.is_host(host):
            raise errors.InvalidArgument("The browser does not say at which address it asks.", do=ANEW)
        self._parts.attempts.begin(Attempt("", self._parts.caller.address))
        provider = self._provider(request.provider)
        redirect_uri = f"https://{host}{callback_path(provider.name)}"
        with self._parts.providers.turn(provider.provider):
            started = openid.start(self._parts.providers, provider.provider, redirect_uri)
        secret, now = secrets.new_login(), self._parts.now()
        login = ProviderLogin(
            state_sha256=secrets.digest(started.state),
            browser_sha256=secrets.digest(secret),
            provider=provider.name,
            redirect_uri=redirect_uri,
            nonce=started.nonce,
            verifier=started.verifier,
            address=self._parts.caller.address[:MOST_OF_AN_ADDRESS],
            until=now + LASTS,
        )
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time("provider logins")
            tx.provider_logins.forget(now)
            tx.provider_logins.add(login, MOST_ON_THEIR_WAY)
        return Sent(started.address, secret)

    def finish(
        self, request: rest.ProviderReturn, browser: str | None, former: str | None, program: str
    ) -> Begun:
        """The session of whoever came back, in the browser that keeps this secret. Raises Unauthenticated,
        Forbidden for whoever is in no group that may do something here, ProviderUnavailable."""
        attempt = Attempt("", self._parts.caller.address)
        self._parts.attempts.begin(attempt)
        login = self._came_back(request, browser)
        self._parts.attempts.succeeded(attempt)
        record = self._provider(login.provider)
        claims = self._claims(record, login, request)
        grant = providers.granted(record.provider, providers.groups_in(record.provider, claims))
        if grant is None:
            raise self._in_no_group(record, claims)
        with self._parts.changing() as tx:
            tx.one_at_a_time(PEOPLE_LOCK)
            _require_unchanged(tx, record)
            before = tx.people.of_subject(record.name, str(claims["sub"]))
            person = self._person(tx, before, record, claims, grant)
            proof = Proof(LogInWay.PROVIDER, person, person.mark_sha256)
            begun = LogIns(self._parts).begin_with(tx, proof, former, program)
            if person is not before:  # what somebody may do is more than that they came
                self._parts.note(None if before is None else shape(before), shape(person))
        self._parts.attempts.succeeded(Attempt("", login.address))
        return begun

    def _provider(self, name: str) -> ProviderRecord:
        with self._parts.store.reading() as tx:
            return existing(tx, name)

    def _came_back(self, request: rest.ProviderReturn, browser: str | None) -> ProviderLogin:
        """The log-in that this browser began, which is over now. Raises Unauthenticated."""
        with self._parts.store.transaction() as tx:
            login = tx.provider_logins.take(secrets.digest(request.state))
        if login is None or login.until <= self._parts.now():
            raise errors.Unauthenticated("This log-in was finished already, or took too long.", do=ANEW)
        if browser is None or secrets.digest(browser) != login.browser_sha256:
            raise errors.Unauthenticated("This log-in was begun in another browser.", do=ANEW)
        if request.provider != login.provider:
            raise errors.Unauthenticated("This log-in was begun at another provider.", do=ANEW)
        return login

    def _claims(self, record: ProviderRecord, login: ProviderLogin, request: rest.ProviderReturn) -> Claims:
        known, provider = self._parts.providers, record.provider
        openid.require_issuer(known, provider, request.iss)
        if not request.code:
            why = request.error if request.error and ERROR.fullmatch(request.error) else "it does not say why"
            raise errors.Unauthenticated(f"The provider '{record.name}' lets nobody in: {why}.", do=ANEW)
        given = Exchange(request.code, login.redirect_uri, login.verifier, login.nonce)
        with known.turn(provider):
            return openid.claims_of(known, provider, record.secret, given, self._parts.now())

    def _person(
        self,
        tx: Transaction,
        there: PersonRecord | None,
        record: ProviderRecord,
        claims: Claims,
        grant: Grant,
    ) -> PersonRecord:
        """The person as the provider's groups make them now. Raises Forbidden for one who is disabled."""
        if there is None:
            return self._made(tx, record, claims, grant)
        if there.disabled_at is not None:
            self._parts.refusals.note_log_in(there.name, self._parts.caller.address)
            raise errors.Forbidden(
                f"'{there.name}' is disabled.",
                do="Ask an access administrator: 'secondsite person enable NAME'.",
            )
        if (there.roles, there.site) == (grant.roles, grant.site):
            return there
        return _changed(tx, there, grant)

    def _made(self, tx: Transaction, record: ProviderRecord, claims: Claims, grant: Grant) -> PersonRecord:
        if len(tx.people.of_provider(record.name)) >= MOST_PEOPLE:
            raise errors.NotPossibleNow(
                f"{MOST_PEOPLE} people came from '{record.name}' already.",
                do="Delete those who come no more: 'secondsite person list'.",
            )
        name = _name(record.provider, claims)
        _require_nobodys(tx, name)
        person = PersonRecord(
            name,
            secrets.new_mark(),
            self._parts.now(),
            roles=grant.roles,
            site=grant.site,
            shown_to=record.shown_to,
            provider=record.name,
            subject=str(claims["sub"]),
        )
        tx.people.add(person)
        return person

    def _in_no_group(self, record: ProviderRecord, claims: Claims) -> errors.Forbidden:
        """The error for whoever is in no group that may do something here; what they still had ends."""
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time(PEOPLE_LOCK)
            there = tx.people.of_subject(record.name, str(claims["sub"]))
            if there is not None:
                self._parts.refusals.note_log_in(there.name, self._parts.caller.address)
                _changed(tx, there, Grant(()))
        said = len(providers.groups_in(record.provider, claims))
        return errors.Forbidden(
            f"You are in no group of '{record.name}' that may do something here: it names "
            f"{counted(said, 'group')} of yours.",
            do="Ask whoever manages access: 'secondsite provider show PROVIDER' lists the groups.",
        )


def _require_unchanged(tx: Transaction, asked: ProviderRecord) -> None:
    """Raises Unauthenticated if the provider is not what its answer was judged by any more."""
    if tx.providers.find(asked.name) != asked:
        raise errors.Unauthenticated(f"The provider '{asked.name}' was changed meanwhile.", do=ANEW)


def _changed(tx: Transaction, person: PersonRecord, grant: Grant) -> PersonRecord:
    """The person with other roles: sessions end, and what was asked for counts no longer."""
    changed = replace(person, roles=grant.roles, site=grant.site, mark_sha256=secrets.new_mark())
    tx.people.put(changed)
    tx.sessions.remove_of(changed.id)
    return changed


def _name(provider: Provider, claims: Claims) -> str:
    """What the person is called here: the first of what the provider says that can be a name. Raises
    InvalidArgument."""
    for each in providers.names_in(provider, claims):
        with suppress(errors.InvalidArgument):
            require_name(each, "person")
            return each
    raise errors.InvalidArgument(
        "The provider calls you by no name that could be one here.",
        do="Whoever manages access names another claim: 'secondsite provider set NAME --name-claim CLAIM'.",
    )


def _require_nobodys(tx: Transaction, name: str) -> None:
    """Raises AlreadyExists for the name of somebody else, or of a token: a provider makes nobody the same
    person as one who is here already."""
    taken = (each for holder in tx.holders.list() for each in (holder.name, holders.of(holder).person))
    if any(is_same_person(name, each) for each in taken):
        raise errors.AlreadyExists(
            f"There is a token or somebody else by the name '{name}' here already: nobody with your id at "
            "this provider.",
            do="If that was you, an access administrator deletes it: 'secondsite person delete NAME'.",
        )
