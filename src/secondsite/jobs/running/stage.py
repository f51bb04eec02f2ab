"""The engine's side of a running step: progress, memory, children; every write is fenced."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy.orm import Session

from ...ground import seams
from ..model.catalogue import Catalogue
from ..model.clock import Clock
from ..model.context import Child
from ..model.definitions import Definition
from ..model.facts import Json
from ..model.outcomes import Commit, Outcome
from ..model.views import TaskView
from ..storage import journal, read
from ..storage.transactions import Transactions
from . import children

PROGRESS_SECONDS = 0.5
CANCEL_LOOK_SECONDS = 0.5


class TaskStage:
    """`context.Stage` for one run of one task under one claim."""

    def __init__(
        self,
        transactions: Transactions,
        catalogue: Catalogue,
        clock: Clock,
        definition: Definition,
        claim: journal.Claim,
        task: TaskView,
        submitted: Callable[[Session], None],
    ) -> None:
        self._transactions = transactions
        self._catalogue = catalogue
        self._clock = clock
        self._definition = definition
        self._claim = claim
        self._task = task
        self._submitted = submitted
        self._told_at = 0.0
        self._looked_at = 0.0
        self._cancel = False

    def progress(self, fraction: float, sentence: str | None) -> None:
        # The first and the last report always go through, those between them at most twice a second.
        if time.monotonic() - self._told_at < PROGRESS_SECONDS and fraction < 1.0:
            return
        values: dict[str, object] = {"progress": min(max(fraction, 0.0), 1.0)}
        if sentence is not None:
            values["sentence"] = sentence
        self._change_task(values)
        self._told_at = time.monotonic()

    def remember(self, facts: Json) -> None:
        def keep(session: Session) -> None:
            journal.fence(session, self._claim)
            known = journal.get_task(session, self._task.id).facts
            journal.change_task(session, self._task.id, facts={**known, **facts})

        self._transactions.write(keep)
        seams.reach("job.remember.committed")

    def write(self, work: Commit) -> None:
        def do(session: Session) -> None:
            journal.fence(session, self._claim)
            work(session)

        self._transactions.write(do)

    def cancel_requested(self) -> bool:
        if not self._cancel and time.monotonic() - self._looked_at >= CANCEL_LOOK_SECONDS:
            job_id = self._claim.job_id
            self._cancel = self._transactions.look(lambda session: read.get(session, job_id).cancel_requested)
            self._looked_at = time.monotonic()
        return self._cancel

    def run_children(self, wanted: Callable[[], Sequence[Child]], deadline_seconds: float) -> Outcome:
        place = children.Place.of(self._task)
        self._start(place, wanted)
        policy = self._definition.policy_of(self._task.position)
        return self._transactions.look(
            lambda session: children.judge(session, policy, place, deadline_seconds)
        )

    def start_children(self, step: str, wanted: Callable[[], Sequence[Child]]) -> None:
        keys = [each.key for each in self._definition.steps]
        self._start(children.Place(self._claim.job_id, keys.index(step), self._task.attempt), wanted)

    def _start(self, place: children.Place, wanted: Callable[[], Sequence[Child]]) -> None:
        def ensure(session: Session) -> None:
            journal.fence(session, self._claim)
            self._submitted(session)
            children.ensure(session, self._catalogue, place, wanted, self._clock())
            seams.reach("job.children.before-commit")

        if not self._transactions.look(lambda session: children.are_started(session, place)):
            self._transactions.write(ensure)
            seams.reach("job.children.committed")

    def read(self) -> AbstractContextManager[Session]:
        return self._transactions.read()

    def aside(self) -> AbstractContextManager[None]:
        return self._transactions.aside()

    def now(self) -> datetime:
        return self._clock()

    def _change_task(self, values: dict[str, object]) -> None:
        def change(session: Session) -> None:
            journal.fence(session, self._claim)
            journal.change_task(session, self._task.id, **values)

        self._transactions.write(change)
