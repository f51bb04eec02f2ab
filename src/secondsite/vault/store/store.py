"""Transactions over all records."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from ...domain import errors
from ...ground.units import KiB, MiB
from ...jobs.storage import database, lease
from ...jobs.storage.lease import Member
from ...jobs.storage.sessions import transaction
from . import lineage
from .access import (
    Change,
    HolderRecord,
    Holders,
    KeyChallenges,
    KnownSecrets,
    LoginRequests,
    OpenSession,
    People,
    ProviderLogins,
    Providers,
    Sessions,
    TokenRecord,
    Tokens,
)
from .answers import Answers
from .appliances import ApplianceRecords, Inventories
from .approvals import Approvals
from .audit import Audit
from .drill_schedules import DrillSchedules
from .enrollment import ApplianceKeys, ApplianceTrusts, RegistrationKeys
from .evidence import Evidences
from .groups import Groups
from .held_checks import HeldChecksRecords
from .lived import LivedTime
from .machines.drill_notes import DrillNotes
from .machines.machine_cache import DecodedMachines
from .machines.machines import MachineRecords
from .machines.rpo import RpoBlocks
from .machines.settings import Confirmations, MachineChecks, MachineHooks, MachineProperties, MachineSettings
from .machines.statuses import StatusRecords
from .notice_targets import NoticeTargets
from .notices import Notices
from .pictures import Pictures
from .plans import Plans
from .policies import Policies
from .pools import AddressPools
from .processes import Links, Processes, RelayedOrders
from .run_times import RunTimes
from .sites import NetworkMappings, SitePairs, Sites
from .sql.failures import translated
from .validations import Validations

LEAST_FREE_BYTES = 4 * MiB
LEASE_IS_OVER = "This vault process had no lease on the database any more, so nothing was written."
ASK_ANOTHER = "Repeat the request in some seconds, or ask another of the vault's processes."


class Transaction:
    """All records inside one session; each noun's object is made when it is first used."""

    def __init__(
        self,
        session: Session,
        change_secret: Change,
        member: Member | None = None,
        decoded: DecodedMachines | None = None,
    ) -> None:
        self._session = session
        self._change_secret = change_secret
        self._member = member
        self._decoded = decoded

    @property
    def session(self) -> Session:
        return self._session

    def one_at_a_time(self, what: str) -> None:
        """Wait for other transactions with the same `what`, on PostgreSQL; on SQLite there is one writer
        anyway."""
        if self._session.get_bind().dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
            self._session.execute(lock, {"what": what})

    @cached_property
    def sites(self) -> Sites:
        return Sites(self._session)

    @cached_property
    def pairs(self) -> SitePairs:
        return SitePairs(self._session)

    @cached_property
    def appliances(self) -> ApplianceRecords:
        return ApplianceRecords(self._session)

    @cached_property
    def machines(self) -> MachineRecords:
        return MachineRecords(self._session, self._decoded)

    @cached_property
    def statuses(self) -> StatusRecords:
        return StatusRecords(self._session)

    @cached_property
    def policies(self) -> Policies:
        return Policies(self._session)

    @cached_property
    def groups(self) -> Groups:
        return Groups(self._session)

    @cached_property
    def plans(self) -> Plans:
        return Plans(self._session)

    @cached_property
    def held_checks(self) -> HeldChecksRecords:
        return HeldChecksRecords(self._session)

    @cached_property
    def drill_schedules(self) -> DrillSchedules:
        return DrillSchedules(self._session)

    @cached_property
    def notice_targets(self) -> NoticeTargets:
        return NoticeTargets(self._session)

    @cached_property
    def notices(self) -> Notices:
        return Notices(self._session)

    @cached_property
    def settings(self) -> MachineSettings:
        return MachineSettings(self._session)

    @cached_property
    def checks(self) -> MachineChecks:
        return MachineChecks(self._session)

    @cached_property
    def confirmations(self) -> Confirmations:
        return Confirmations(self._session)

    @cached_property
    def hooks(self) -> MachineHooks:
        return MachineHooks(self._session)

    @cached_property
    def properties(self) -> MachineProperties:
        return MachineProperties(self._session)

    @cached_property
    def pictures(self) -> Pictures:
        return Pictures(self._session)

    @cached_property
    def evidence(self) -> Evidences:
        return Evidences(self._session)

    @cached_property
    def run_times(self) -> RunTimes:
        return RunTimes(self._session)

    @cached_property
    def validations(self) -> Validations:
        return Validations(self._session)

    @cached_property
    def networks(self) -> NetworkMappings:
        return NetworkMappings(self._session)

    @cached_property
    def pools(self) -> AddressPools:
        return AddressPools(self._session)

    @cached_property
    def inventories(self) -> Inventories:
        return Inventories(self._session)

    @cached_property
    def rpo(self) -> RpoBlocks:
        return RpoBlocks(self._session)

    @cached_property
    def drill_notes(self) -> DrillNotes:
        return DrillNotes(self._session)

    @cached_property
    def keys(self) -> RegistrationKeys:
        return RegistrationKeys(self._session)

    @cached_property
    def appliance_keys(self) -> ApplianceKeys:
        return ApplianceKeys(self._session)

    @cached_property
    def appliance_trusts(self) -> ApplianceTrusts:
        return ApplianceTrusts(self._session)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self._session, self._change_secret)

    @cached_property
    def people(self) -> People:
        return People(self._session, self._change_secret)

    @cached_property
    def holders(self) -> Holders:
        return Holders(self.tokens, self.people)

    @cached_property
    def key_challenges(self) -> KeyChallenges:
        return KeyChallenges(self._session)

    @cached_property
    def providers(self) -> Providers:
        return Providers(self._session)

    @cached_property
    def provider_logins(self) -> ProviderLogins:
        return ProviderLogins(self._session)

    @cached_property
    def login_requests(self) -> LoginRequests:
        return LoginRequests(self._session)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self._session, self._change_secret)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self._session)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self._session)

    @cached_property
    def approvals(self) -> Approvals:
        return Approvals(self._session)

    @cached_property
    def lived(self) -> LivedTime:
        return LivedTime(self._session)

    @cached_property
    def processes(self) -> Processes:
        return Processes(self._session)

    @cached_property
    def links(self) -> Links:
        return Links(self._session, self._member)

    @cached_property
    def passed_orders(self) -> RelayedOrders:
        return RelayedOrders(self._session, self._member)


class Store:
    """The records of one database, opened with `jobs.database.connect`. `member` gives the identity under
    which the process writes, if it is one of several. Nothing that it writes without its lease is
    accepted."""

    def __init__(self, engine: Engine, member: Callable[[], Member | None] = lambda: None) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**database.READ_ONLY)
        self._decoded = DecodedMachines(engine)
        self._known = KnownSecrets[TokenRecord | OpenSession]()
        self._has_others = engine.dialect.name != "sqlite"
        self._member = member
        self._has_refused = False

    def give_back(self) -> None:
        """Give back memory that is not needed while there are no requests."""
        database.give_back(self._engine)

    def known_token(self, token_sha256: str) -> TokenRecord | None:
        """The token, if it is known without asking the database; else None."""
        found = self._known_secret(token_sha256)
        return found if isinstance(found, TokenRecord) else None

    def known_session(self, secret_sha256: str) -> OpenSession | None:
        """The session, if it is known without asking the database; else None."""
        found = self._known_secret(secret_sha256)
        return found if isinstance(found, OpenSession) else None

    def _known_secret(self, secret_sha256: str) -> TokenRecord | OpenSession | None:
        return None if self._has_others else self._known.find(secret_sha256)

    def token(self, token_sha256: str) -> TokenRecord | None:
        """The token whose present or former secret has this digest."""
        changes = self._known.changes
        with self.reading() as tx:
            found = tx.tokens.find(token_sha256)
        if found is not None:
            self._known.keep(token_sha256, found, changes)
        return found

    def session(self, secret_sha256: str) -> OpenSession | None:
        """The session whose secret has this digest; None if it, or what it was begun with, was deleted."""
        changes = self._known.changes
        with self.reading() as tx:
            session = tx.sessions.find(secret_sha256)
            holder = None if session is None else tx.holders.find(session.holder_sha256)
            needed = tx.people.need_second_factor()
        if session is None or holder is None:
            return None
        self._known.keep(secret_sha256, found := OpenSession(session, holder, needed), changes)
        return found

    def holder(self, sha256: str) -> HolderRecord | None:
        """The token whose secret has this digest, or the person with this mark."""
        with self.reading() as tx:
            return tx.holders.find(sha256)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end of the block, rolls back on an exception. On SQLite writers come one by one.

        Raises Conflict or StoreUnavailable (both with `code`, `message`, `do`) when the database refuses.
        """
        member = self._member()
        changing = self._known.changing()
        with self._noticed(), translated(), changing as change, transaction(self._engine) as session:
            if member is not None and not lease.is_alive(session, member):
                raise errors.StoreUnavailable(LEASE_IS_OVER, do=ASK_ANOTHER)
            yield Transaction(session, change, member)

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except errors.StoreUnavailable:
            self._has_refused = True
            raise

    def require_writable(self) -> None:
        """Raises StoreUnavailable while nothing can be written, as on a full disk. This is tried only after
        the database has refused something."""
        if not self._has_refused:
            return
        _require_room(self._engine)
        with self.transaction() as tx:
            lineage.write_again(tx.session)
        self._has_refused = False

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A view of one instant that blocks no writer; nothing is written."""
        with translated(), transaction(self._reader) as session:
            yield Transaction(session, self._known.begin, self._member(), self._decoded)

    def within(self, session: Session) -> Transaction:
        """All records inside a transaction that the caller commits."""
        return Transaction(session, self._known.begin, self._member())


def _require_room(engine: Engine) -> None:
    """Raises StoreUnavailable if the disk of a database file is full: a small write fits into space that its
    log has already, but a machine's record does not."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or file is None or not Path(file).exists():
        return
    free = shutil.disk_usage(file).free
    if free < LEAST_FREE_BYTES:
        raise errors.StoreUnavailable(
            f"The disk under {file} is full: {free // KiB} KiB are free.",
            do=f"Free at least {LEAST_FREE_BYTES // MiB} MiB there.",
        )
