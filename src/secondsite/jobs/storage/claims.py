"""Find a job that is ready and claim it: exactly one engine gets it."""

import threading
import time
from functools import partial

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from ...ground.job_states import RUNNABLE
from ..model.clock import Clock
from .journal import Claim
from .lease import database_now, held_by_the_living
from .tables import jobs
from .transactions import Transactions

CANDIDATES = 8


class Claims:
    """The claims of one engine: which jobs it runs now, and which it may take next."""

    def __init__(self, transactions: Transactions, owner: str, clock: Clock) -> None:
        self._transactions = transactions
        self._owner = owner
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._held: set[str] = set()
        self._spare_others_until = 0.0

    def next(self) -> Claim | None:
        """Claim the job that has been ready longest; None when none is ready."""
        with self._one_at_a_time:
            for claim in self._transactions.look(self._candidates):
                if self._transactions.write(partial(self._take, claim)):
                    self._held.add(claim.job_id)
                    return claim
        return None

    def put_down(self, claim: Claim) -> None:
        """This engine's thread no longer works on the job; if the claim still stands, it can be taken again."""
        self._held.discard(claim.job_id)

    def spare_others(self, seconds: float) -> None:
        """For a while, take no job from an engine that seems dead."""
        self._spare_others_until = time.monotonic() + seconds

    def _candidates(self, session: Session) -> list[Claim]:
        rows = session.execute(self._ready(self._free(session)))
        return [Claim(row.id, self._owner, row.claim_epoch + 1) for row in rows]

    def _free(self, session: Session) -> ColumnElement[bool]:
        nobody = jobs.c.claim_owner.is_(None)
        # Own claims that no thread here works on are left over from before a restart, or from a lost reply.
        own = jobs.c.claim_owner == self._owner
        if time.monotonic() < self._spare_others_until:
            return or_(nobody, own)
        return or_(nobody, own, ~held_by_the_living(database_now(session)))

    def _ready(self, free: ColumnElement[bool]) -> Select[str, int]:
        query = select(jobs.c.id, jobs.c.claim_epoch).where(
            jobs.c.state.in_(sorted(RUNNABLE)), jobs.c.ready_at <= self._clock(), free
        )
        if self._held:
            query = query.where(jobs.c.id.not_in(sorted(self._held)))
        return query.order_by(jobs.c.ready_at).limit(CANDIDATES)

    def _take(self, claim: Claim, session: Session) -> bool:
        """Compare and swap: of two that read the same epoch, the second gets nothing."""
        free = update(jobs).where(
            jobs.c.id == claim.job_id,
            jobs.c.claim_epoch == claim.epoch - 1,
            jobs.c.state.in_(sorted(RUNNABLE)),
        )
        taken = free.values(claim_owner=claim.owner, claim_epoch=claim.epoch).returning(jobs.c.id)
        return session.execute(taken).one_or_none() is not None
