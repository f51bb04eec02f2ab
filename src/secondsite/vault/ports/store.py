"""All records inside one database transaction."""

from contextlib import AbstractContextManager
from typing import Protocol

from ...jobs.storage.database import Session
from .access import ApplianceKeys, ApplianceTrusts, RegistrationKeys, TokenRecord, Tokens
from .answers import Answers
from .approvals import Approvals
from .audit import Audit
from .drills import DrillSchedules
from .kept.evidence import Evidences
from .kept.pictures import Pictures
from .kept.run_times import RunTimes
from .kept.validations import Validations
from .lived import LivedTime
from .machines import DrillNotes, MachineRecords
from .notices import Notices, NoticeTargets
from .places import ApplianceRecords, Inventories, NetworkMappings, SitePairs, Sites
from .plans import Plans
from .policies import Groups, Policies
from .pools import AddressPools
from .processes import Links, PassedOrders, Processes
from .settings import MachineChecks, MachineHooks, MachineProperties, MachineSettings
from .statuses import RpoBlocks, StatusRecords


class Transaction(Protocol):
    """All records, inside one database transaction. `session` is the job engine's too."""

    @property
    def session(self) -> Session: ...
    def one_at_a_time(self, what: str) -> None:
        """Wait until no other transaction, in any process, holds `what`; then hold it until this one ends. Call it before
        reading what the change depends on."""
        ...

    @property
    def sites(self) -> Sites: ...
    @property
    def pairs(self) -> SitePairs: ...
    @property
    def appliances(self) -> ApplianceRecords: ...
    @property
    def machines(self) -> MachineRecords: ...
    @property
    def statuses(self) -> StatusRecords: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def drill_schedules(self) -> DrillSchedules: ...
    @property
    def notice_targets(self) -> NoticeTargets: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def settings(self) -> MachineSettings: ...
    @property
    def checks(self) -> MachineChecks: ...
    @property
    def hooks(self) -> MachineHooks: ...
    @property
    def properties(self) -> MachineProperties: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def evidence(self) -> Evidences: ...
    @property
    def run_times(self) -> RunTimes: ...
    @property
    def validations(self) -> Validations: ...
    @property
    def networks(self) -> NetworkMappings: ...
    @property
    def pools(self) -> AddressPools: ...
    @property
    def inventories(self) -> Inventories: ...
    @property
    def rpo(self) -> RpoBlocks: ...
    @property
    def drill_notes(self) -> DrillNotes: ...
    @property
    def keys(self) -> RegistrationKeys: ...
    @property
    def appliance_keys(self) -> ApplianceKeys: ...
    @property
    def appliance_trusts(self) -> ApplianceTrusts: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def lived(self) -> LivedTime: ...
    @property
    def processes(self) -> Processes: ...
    @property
    def links(self) -> Links: ...
    @property
    def passed_orders(self) -> PassedOrders: ...


class Store(Protocol):
    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits at the end of the block, rolls back on an exception."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A view of one instant that blocks no writer."""

    def within(self, session: Session) -> Transaction:
        """The same records inside a transaction that somebody else (the job engine) commits."""

    def token(self, token_sha256: str) -> TokenRecord | None:
        """The token whose present or former secret has this digest."""

    def give_back(self) -> None:
        """Memory that is not needed while nobody asks."""
        ...

    def known_token(self, token_sha256: str) -> TokenRecord | None:
        """The same at once, without the database; None if it has to be asked."""
