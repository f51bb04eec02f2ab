"""What every operation is built with. `entry` makes one, for all operations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import BaseModel

from ...jobs.model.outcomes import Commit
from ...jobs.storage.database import Session
from ..interfaces import Gateway
from ..store import Store, Transaction


class SubmitJob(Protocol):
    """Submits a job, which exists if and only if the caller's transaction commits."""

    def __call__(
        self,
        session: Session,
        name: str,
        *,
        subject: str,
        subject_name: str,
        arguments: BaseModel | None,
        requested_by: str,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Deps:
    """The dependencies of operations. `monotonic` counts seconds for deadlines inside this process, `now` is
    aware UTC, `lived` is the time by which ages are judged. `signal` wakes the steps that wait for it; call
    it when what it is about is committed. `proof_seconds`: how long a machine that was started is looked at.
    `drill_counts`: how long a test failover counts."""

    store: Store
    gateway: Gateway
    submit: SubmitJob
    now: Callable[[], datetime]
    lived: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_id: Callable[[], str]
    signal: Callable[[str], object]
    proof_seconds: float = 3.0
    drill_counts: timedelta = timedelta(days=90)

    def commit(self, work: Callable[[Transaction], None]) -> Commit:
        """For Done and Skipped: `work` joins the transaction that records the step."""
        return lambda session: work(self.store.within(session))
