"""What every noun of the facade is built on."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from ...domain.access.chain import Outcome
from ...domain.lifecycle import Verb
from ...domain.plans.plan import Limits
from ...jobs.model.asking import GivenAnswer
from ...jobs.model.catalogue import Catalogue
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from ..fleet.signals import Signals
from ..fleet.status_intake import StatusIntake
from ..fleet.ways import Ways
from ..health.backups import Backups
from ..interfaces import Authority, Gateway
from ..metrics.ended_jobs import EndedJobs
from ..metrics.loop_lag import LoopLag
from ..notices.notifier import Teller
from ..openid import Discovery
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..store import AskedMachine, MachineRecord, Store, Transaction
from ..watch.rpo_series import RpoUnwritten
from . import second_person
from .acts import Act
from .attempts import Attempts
from .callers import THE_VAULT, Caller, Uses
from .refusals import Refusals
from .waiting import SingleFlight, WaitingRequests

ANSWER_SECONDS = 45.0
"""How long a request waits for appliances, for all of them together, in seconds from when it came: its client
still listens then."""


class Changes(Protocol):
    """Reports jobs that have changed."""

    def follow(self, told: Callable[[str | None], None]) -> None: ...


class Jobs(Protocol):
    """The job engine, as far as a person may drive and follow it."""

    @property
    def changes(self) -> Changes: ...
    def cancel(self, session: Session, job_id: str) -> None: ...
    def retry(self, session: Session, job_id: str) -> None: ...
    def resume(self, session: Session, job_id: str) -> None: ...
    def answer(self, session: Session, job_id: str, said: GivenAnswer) -> None: ...


@dataclass(frozen=True, slots=True)
class About:
    """What this vault is: shown by `vault show`, and where appliances dial."""

    name: str
    version: str
    database: str
    control_url: str


@dataclass(frozen=True, slots=True)
class Parts:
    store: Store
    gateway: Gateway
    authority: Authority
    facts: StatusIntake
    signals: Signals
    jobs: Jobs
    catalogue: Catalogue
    operations: Mapping[Verb, Operation]
    deps: Deps
    about: About
    now: Callable[[], datetime]
    refusals: Refusals
    rpo_unwritten: RpoUnwritten
    plan_limits: Limits
    notices: Teller
    backups: Backups
    served: Callable[[], None] = lambda: None
    """Raises StoreUnavailable while this process cannot reach the database."""
    writable: Callable[[], None] = lambda: None
    """Raises StoreUnavailable while nothing can be written to the database."""
    uses: Uses = field(default_factory=Uses)
    attempts: Attempts = field(default_factory=Attempts)
    providers: Discovery = field(default_factory=Discovery)
    waiting: WaitingRequests = field(default_factory=WaitingRequests)
    pages: SingleFlight[str] = field(default_factory=SingleFlight)
    """Pages of jobs as JSON: many people look at one run."""
    ended_jobs: EndedJobs = field(default_factory=EndedJobs)
    loop_lag: LoopLag = field(default_factory=LoopLag)
    ways: Ways = field(default_factory=Ways)
    caller: Caller = THE_VAULT
    act: Act | None = None
    """The act of the request, for the audit log; None for the vault's own work."""
    answer_by: float = math.inf
    """When the answer is due, by the monotonic clock; the vault's own work has no limit."""

    def asked_by(self, caller: Caller, act: Act | None = None) -> "Parts":
        """The parts for this caller and a request that has just come."""
        return replace(self, caller=caller, act=act, answer_by=time.monotonic() + ANSWER_SECONDS)

    def seconds_left(self) -> float:
        """Seconds until the answer is due; below zero when that has passed."""
        return self.answer_by - time.monotonic()

    def sees(self, *sites: str | None) -> bool:
        """Whether something of these sites is in the caller's scope."""
        return self.caller.grant.sees(*sites)

    @contextmanager
    def changing(self) -> Iterator[Transaction]:
        """A transaction of the caller's, with its entry in the audit log. Raises what `store.transaction`
        raises, and ApprovalNeeded: then nothing was changed."""
        if self.act is None:
            with self.store.transaction() as tx:
                yield tx
        else:
            with self._recorded(self.act, Outcome.DONE) as tx:
                yield tx

    def announce(self) -> None:
        """Record in the audit log that something is about to be changed outside the database; `changing`
        records that it was done. Raises ApprovalNeeded."""
        if self.act is not None:
            with self._recorded(self.act, Outcome.BEGUN):
                pass

    @contextmanager
    def _recorded(self, act: Act, outcome: Outcome) -> Iterator[Transaction]:
        try:
            with self.store.transaction() as tx:
                at = second_person.begin(tx, act, self.now(), self.deps.lived())
                yield tx
                second_person.settle(at, outcome)
                act.record(tx, at.now, outcome)
        except second_person.Waits:
            raise second_person.ask(self.store, at) from None

    def does(self, *verbs: str) -> None:
        """The request also needs the approval that these verbs need."""
        if self.act is not None:
            self.act.also = verbs

    def names(self, machine: MachineRecord) -> None:
        """The request is about this machine: an approval is for it as it is, not for another that takes its
        name."""
        if self.act is not None:
            self.act.machines.add(machine.id)
            self.act.about.setdefault(machine.id, AskedMachine.of(machine))
            self.mentions(machine.name, machine.id)

    def names_edition(self, of: str) -> None:
        """The request is about this edition of something that has a name: an approval is for no other."""
        if self.act is not None:
            self.act.machines.add(of)

    def mentions(self, *called: str) -> None:
        """Names or ids of machines by which the entry can be found."""
        if self.act is not None:
            self.act.called.update(called)

    def note(self, before: Shape | None = None, after: Shape | None = None) -> None:
        """What the change replaces, and what it makes, for the entry."""
        if self.act is not None:
            self.act.note(before, after)

    def tell(self, name: str, what: str) -> None:
        """A detail for the entry."""
        if self.act is not None:
            self.act.tell(name, what)

    def understood(self, request: Shape) -> None:
        """The request by its type, for the entry if the body is too large."""
        if self.act is not None:
            self.act.asked = request
