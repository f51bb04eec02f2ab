"""Claims of jobs: finds a ready job and claims it, so that exactly one engine gets it."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Integer, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ...ground.job_states import RUNNABLE, JobState
from ..model.clock import Clock
from ..model.definitions import TURN_TO
from .journal import Claim
from .lease import database_now, held_by_the_living
from .prepared import PreparedStatement, one_of
from .tables import UtcDateTime, jobs, tasks
from .transactions import Transactions

CANDIDATES = 8
MOST_OF_A_BATCH = 64
"""The most jobs of one batch that have begun, have not ended, and do not wait for a turn. An appliance that
gets a thousand orders at once finishes none of them for long; with this limit the first machines run soon,
and the others' orders do not grow old."""
LONG_SECONDS = 300.0
"""A job that began so many seconds ago waits for something other than its turn, such as a first copy or a
site, and does not count towards that limit."""
NEW_EVERY_SECONDS = 5.0
"""However many jobs that have begun are ready: this often new ones come first."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def _ready(*states: JobState) -> Select[str, int]:
    """SQL: ready jobs that no living engine has claimed; those that this engine works on have to be left
    out."""
    owner = jobs.c.claim_owner
    free = or_(
        owner.is_(None),
        owner == bindparam("owner"),
        ~held_by_the_living(bindparam("alive", type_=UtcDateTime)),
    )
    query = select(jobs.c.id, jobs.c.claim_epoch).where(one_of(jobs.c.state, states), free)
    return query.where(jobs.c.ready_at <= bindparam("now", type_=UtcDateTime)).limit(
        bindparam("most", type_=Integer)
    )


def _may_begin() -> ColumnElement[bool]:
    """SQL: the job belongs to no batch, or so few jobs of its batch are in progress that as many as are
    claimed at once may begin."""
    sibling = jobs.alias()
    under_way = one_of(sibling.c.state, RUNNABLE - {JobState.QUEUED})
    since = sibling.c.started_at > bindparam("since", type_=UtcDateTime)
    of_a_batch = sibling.c.parent_job_id.is_not(None)
    waits_for_turn = exists().where(
        tasks.c.job_id == sibling.c.id,
        tasks.c.key.startswith(TURN_TO, autoescape=True),
        tasks.c.started_at.is_not(None),
        tasks.c.ended_at.is_(None),
    )
    full = select(sibling.c.parent_job_id).where(under_way, since, of_a_batch, ~waits_for_turn)
    full = full.group_by(sibling.c.parent_job_id).having(func.count() > bindparam("enough", type_=Integer))
    return or_(jobs.c.parent_job_id.is_(None), jobs.c.parent_job_id.not_in(full))


_BEGUN = PreparedStatement(_ready(*RUNNABLE - {JobState.QUEUED}).order_by(jobs.c.ready_at))
_NEW = PreparedStatement(
    _ready(JobState.QUEUED)
    .where(_may_begin())
    .order_by(func.coalesce(jobs.c.parent_index, -1), jobs.c.ready_at)
)
_TAKE = PreparedStatement(
    update(jobs)
    .where(
        jobs.c.id == bindparam("job"),
        jobs.c.claim_epoch == bindparam("before"),
        one_of(jobs.c.state, RUNNABLE),
    )
    .values(claim_owner=bindparam("owner"), claim_epoch=bindparam("epoch"))
)


class Claims:
    """The claims of one engine: which jobs it runs now, and which it may take next."""

    def __init__(self, transactions: Transactions, owner: str, clock: Clock) -> None:
        self._transactions = transactions
        self._owner = owner
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._held: set[str] = set()
        self._taken: deque[Claim] = deque()
        self._at_once = CANDIDATES if transactions.is_alone else 1
        self._more = False
        self._nothing: tuple[int, float] = (-1, 0.0)
        self._spare_others_until = 0.0
        self._new_at = time.monotonic()

    def next_since(self, rung: int, seconds: float) -> Claim | None:
        """As `next`, but if there was nothing at this count of the bell, the database is not asked again for
        `seconds`."""
        with self._one_at_a_time:
            since, at = self._nothing
            if not self._taken and since == rung and time.monotonic() - at < seconds:
                return None
            claim = self._next()
            if claim is None:
                self._nothing = (rung, time.monotonic())
            return claim

    def next(self) -> Claim | None:
        """Claim the job whose turn it is; None when none is ready. Jobs that have begun come before new ones,
        and among them those that a person waits for before those of a batch. Now and then new ones come
        first: jobs that have begun may be ready again and again."""
        with self._one_at_a_time:
            return self._next()

    @property
    def others_are_due(self) -> bool:
        """Whether new jobs come before those that have begun, including parked ones."""
        return time.monotonic() - self._new_at >= NEW_EVERY_SECONDS

    @property
    def may_be_more(self) -> bool:
        """Whether there was, or may have been, another job to claim at the last claim."""
        return bool(self._taken) or self._more

    def _next(self) -> Claim | None:
        if not self._taken:
            candidates = self._transactions.look(self._candidates)
            self._more = len(candidates) == CANDIDATES or len(candidates) > self._at_once
            if candidates:
                self._take_some(candidates)
        return self._taken.popleft() if self._taken else None

    def _take_some(self, candidates: Sequence[Claim]) -> None:
        """Claim as many as are taken at once; another engine may have been faster."""
        for number in range(0, len(candidates), self._at_once):
            taken = self._transactions.write(partial(self._take, candidates[number : number + self._at_once]))
            self._held.update(claim.job_id for claim in taken)
            self._taken.extend(taken)
            if taken:
                return

    def put_down(self, claim: Claim) -> None:
        """This engine's thread no longer works on the job; if the claim still stands, it can be taken
        again."""
        self._held.discard(claim.job_id)

    def spare_others(self, seconds: float) -> None:
        """For a while, take no job from an engine that seems dead."""
        self._spare_others_until = time.monotonic() + seconds

    def _candidates(self, session: Session) -> list[Claim]:
        in_turn = [self._begun, self._new]
        if self.others_are_due:
            in_turn.reverse()
        first, second = in_turn
        alive = self._alive(session)
        return first(session, alive) or second(session, alive)

    def _alive(self, session: Session) -> datetime:
        """Engines whose lease ends after this time count as alive, and keep their jobs."""
        return LONG_AGO if time.monotonic() < self._spare_others_until else database_now(session)

    def _begun(self, session: Session, alive: datetime) -> list[Claim]:
        return self._free(session, _BEGUN, {"alive": alive})

    def _new(self, session: Session, alive: datetime) -> list[Claim]:
        self._new_at = time.monotonic()
        since = self._clock() - timedelta(seconds=LONG_SECONDS)
        return self._free(
            session, _NEW, {"alive": alive, "since": since, "enough": MOST_OF_A_BATCH - CANDIDATES}
        )

    def _free(self, session: Session, ready: PreparedStatement, values: Mapping[str, object]) -> list[Claim]:
        """Candidates without those that a thread here works on: other own claims are left over from before a
        restart, or from a lost reply. A job that is put down meanwhile was read in its state before."""
        held = frozenset(self._held)
        mine = {"owner": self._owner, "now": self._clock(), "most": CANDIDATES + len(held)}
        found = ready.all(session, {**values, **mine})
        free = [
            Claim(row["id"], self._owner, row["claim_epoch"] + 1) for row in found if row["id"] not in held
        ]
        return free[:CANDIDATES]

    def _take(self, claims: Sequence[Claim], session: Session) -> list[Claim]:
        return [claim for claim in claims if self._is_taken(claim, session)]

    def _is_taken(self, claim: Claim, session: Session) -> bool:
        """Compare and swap: of two that read the same epoch, the second gets nothing."""
        values = {"job": claim.job_id, "before": claim.epoch - 1, "owner": claim.owner, "epoch": claim.epoch}
        return _TAKE.change(session, values) == 1
