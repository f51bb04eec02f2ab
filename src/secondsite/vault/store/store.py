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
from .. import ports
from . import lineage
from .access import Change, KnownTokens, SqlApplianceKeys, SqlApplianceTrusts, SqlRegistrationKeys, SqlTokens
from .answers import SqlAnswers
from .approvals import SqlApprovals
from .audit import SqlAudit
from .decoded_machines import Decoded
from .drills import SqlDrillSchedules
from .evidence import SqlEvidence, SqlRunTimes
from .failures import translated
from .groups import SqlGroups
from .lived import SqlLivedTime
from .machines import SqlDrillNotes, SqlMachines
from .notices import SqlNotices, SqlNoticeTargets
from .pictures import SqlPictures
from .places import SqlAppliances, SqlInventories, SqlNetworkMappings, SqlSitePairs, SqlSites
from .plans import SqlPlans
from .policies import SqlPolicies
from .pools import SqlAddressPools
from .said import SqlRpoBlocks, SqlStatuses
from .settings import SqlMachineChecks, SqlMachineHooks, SqlMachineProperties, SqlMachineSettings
from .several import SqlLinks, SqlPassedOrders, SqlProcesses
from .validation import SqlValidations

LEAST_FREE_BYTES = 4 * MiB
LEASE_IS_OVER = "This vault process had no lease on the database any more, so nothing was written."
ASK_ANOTHER = "Repeat the request in some seconds, or ask another of the vault's processes."


class SqlTransaction:
    """All records inside one session; the repositories are made when they are asked for."""

    def __init__(
        self,
        session: Session,
        change_token: Change,
        member: Member | None = None,
        decoded: Decoded | None = None,
    ) -> None:
        self._session = session
        self._change_token = change_token
        self._member = member
        self._decoded = decoded

    @property
    def session(self) -> Session:
        return self._session

    def one_at_a_time(self, what: str) -> None:
        """On SQLite writers are alone anyway."""
        if self._session.get_bind().dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
            self._session.execute(lock, {"what": what})

    @cached_property
    def sites(self) -> SqlSites:
        return SqlSites(self._session)

    @cached_property
    def pairs(self) -> SqlSitePairs:
        return SqlSitePairs(self._session)

    @cached_property
    def appliances(self) -> SqlAppliances:
        return SqlAppliances(self._session)

    @cached_property
    def machines(self) -> SqlMachines:
        return SqlMachines(self._session, self._decoded)

    @cached_property
    def statuses(self) -> SqlStatuses:
        return SqlStatuses(self._session)

    @cached_property
    def policies(self) -> SqlPolicies:
        return SqlPolicies(self._session)

    @cached_property
    def groups(self) -> SqlGroups:
        return SqlGroups(self._session)

    @cached_property
    def plans(self) -> SqlPlans:
        return SqlPlans(self._session)

    @cached_property
    def drill_schedules(self) -> SqlDrillSchedules:
        return SqlDrillSchedules(self._session)

    @cached_property
    def notice_targets(self) -> SqlNoticeTargets:
        return SqlNoticeTargets(self._session)

    @cached_property
    def notices(self) -> SqlNotices:
        return SqlNotices(self._session)

    @cached_property
    def settings(self) -> SqlMachineSettings:
        return SqlMachineSettings(self._session)

    @cached_property
    def checks(self) -> SqlMachineChecks:
        return SqlMachineChecks(self._session)

    @cached_property
    def hooks(self) -> SqlMachineHooks:
        return SqlMachineHooks(self._session)

    @cached_property
    def properties(self) -> SqlMachineProperties:
        return SqlMachineProperties(self._session)

    @cached_property
    def pictures(self) -> SqlPictures:
        return SqlPictures(self._session)

    @cached_property
    def evidence(self) -> SqlEvidence:
        return SqlEvidence(self._session)

    @cached_property
    def run_times(self) -> SqlRunTimes:
        return SqlRunTimes(self._session)

    @cached_property
    def validations(self) -> SqlValidations:
        return SqlValidations(self._session)

    @cached_property
    def networks(self) -> SqlNetworkMappings:
        return SqlNetworkMappings(self._session)

    @cached_property
    def pools(self) -> SqlAddressPools:
        return SqlAddressPools(self._session)

    @cached_property
    def inventories(self) -> SqlInventories:
        return SqlInventories(self._session)

    @cached_property
    def rpo(self) -> SqlRpoBlocks:
        return SqlRpoBlocks(self._session)

    @cached_property
    def drill_notes(self) -> SqlDrillNotes:
        return SqlDrillNotes(self._session)

    @cached_property
    def keys(self) -> SqlRegistrationKeys:
        return SqlRegistrationKeys(self._session)

    @cached_property
    def appliance_keys(self) -> SqlApplianceKeys:
        return SqlApplianceKeys(self._session)

    @cached_property
    def appliance_trusts(self) -> SqlApplianceTrusts:
        return SqlApplianceTrusts(self._session)

    @cached_property
    def tokens(self) -> SqlTokens:
        return SqlTokens(self._session, self._change_token)

    @cached_property
    def answers(self) -> SqlAnswers:
        return SqlAnswers(self._session)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self._session)

    @cached_property
    def approvals(self) -> SqlApprovals:
        return SqlApprovals(self._session)

    @cached_property
    def lived(self) -> SqlLivedTime:
        return SqlLivedTime(self._session)

    @cached_property
    def processes(self) -> SqlProcesses:
        return SqlProcesses(self._session)

    @cached_property
    def links(self) -> SqlLinks:
        return SqlLinks(self._session, self._member)

    @cached_property
    def passed_orders(self) -> SqlPassedOrders:
        return SqlPassedOrders(self._session, self._member)


class SqlStore:
    """The records of one database, opened with `jobs.database.connect`. `member`: as whom a process writes, if it is one of
    several. Nothing that it writes without its lease is accepted."""

    def __init__(self, engine: Engine, member: Callable[[], Member | None] = lambda: None) -> None:
        self._engine = engine
        self._reader = engine.execution_options(**database.READ_ONLY)
        self._decoded = Decoded(engine)
        self._known_tokens = KnownTokens()
        self._has_others = engine.dialect.name != "sqlite"
        self._member = member
        self._has_refused = False

    def give_back(self) -> None:
        database.give_back(self._engine)

    def known_token(self, token_sha256: str) -> ports.TokenRecord | None:
        return None if self._has_others else self._known_tokens.find(token_sha256)

    def token(self, token_sha256: str) -> ports.TokenRecord | None:
        changes = self._known_tokens.changes
        with self.reading() as tx:
            found = tx.tokens.find(token_sha256)
        if found is not None:
            self._known_tokens.keep(token_sha256, found, changes)
        return found

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """Commits at the end of the block, rolls back on an exception. On SQLite writers come one by one.

        Raises Conflict or StoreUnavailable (both with `code`, `message`, `do`) when the database refuses.
        """
        member = self._member()
        changing = self._known_tokens.changing()
        with self._noticed(), translated(), changing as change, transaction(self._engine) as session:
            if member is not None and not lease.is_alive(session, member):
                raise errors.StoreUnavailable(LEASE_IS_OVER, do=ASK_ANOTHER)
            yield SqlTransaction(session, change, member)

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except errors.StoreUnavailable:
            self._has_refused = True
            raise

    def require_writable(self) -> None:
        """Raises StoreUnavailable while the database takes nothing, as on a full disk. It is tried only after it refused something."""
        if not self._has_refused:
            return
        _require_room(self._engine)
        with self.transaction() as tx:
            lineage.write_again(tx.session)
        self._has_refused = False

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """A view of one instant that blocks no writer; nothing is written."""
        with translated(), transaction(self._reader) as session:
            yield SqlTransaction(session, self._known_tokens.begin, self._member(), self._decoded)

    def within(self, session: Session) -> SqlTransaction:
        """The same records inside a transaction that somebody else commits."""
        return SqlTransaction(session, self._known_tokens.begin, self._member())


def _require_room(engine: Engine) -> None:
    """For a file: a small write fits into what its log has already, where a machine's record does not. Raises StoreUnavailable."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or file is None or not Path(file).exists():
        return
    free = shutil.disk_usage(file).free
    if free < LEAST_FREE_BYTES:
        raise errors.StoreUnavailable(
            f"The disk under {file} is full: {free // KiB} KiB are free.",
            do=f"Make room there: {LEAST_FREE_BYTES // MiB} MiB at least.",
        )
