"""What a running step can use: its order id, the facts of earlier steps, and calls that report its
progress."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from . import asking
from .facts import Json, to_json
from .failures import ANSWERED_NEGATIVELY, StepFailed
from .outcomes import Commit, Outcome, Wait

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Child:
    """A child job to start."""

    name: str
    subject: str | None = None
    subject_name: str = ""
    arguments: BaseModel | None = None


class Stage(Protocol):
    """What the engine does for a running step."""

    def progress(self, fraction: float, sentence: str | None) -> None: ...
    def remember(self, facts: Json) -> None: ...
    def write(self, work: Commit) -> None: ...
    def cancel_requested(self) -> bool: ...
    def run_children(self, wanted: Callable[[], Sequence[Child]], deadline_seconds: float) -> Outcome: ...
    def start_children(self, step: str, wanted: Callable[[], Sequence[Child]]) -> None: ...
    def read(self) -> AbstractContextManager[Session]: ...
    def aside(self) -> AbstractContextManager[None]: ...
    def now(self) -> datetime: ...


@dataclass(slots=True)
class StepContext:
    """One run of one step (or of its undo).

    `began_at` is when this attempt at the step began. `waited_seconds` counts from the step's first wait in
    this attempt, as the deadlines of its waits do. `attempt` and `order_id` stay the same when the step is
    run again after a wait or a crash, and change with a retry: by its order id a repeated effect can be
    recognised. `stored_facts` maps the keys of steps to their facts, this step's own included.
    """

    job_id: str
    key: str
    subject: str | None
    subject_name: str
    requested_by: str
    attempt: int
    began_at: datetime
    waited_seconds: float
    order_id: str
    stored_arguments: Json
    stored_facts: dict[str, Json]
    stage: Stage

    def arguments(self, model: type[M]) -> M:
        """The job's arguments; raises ValidationError when they do not fit the model."""
        return model.model_validate(self.stored_arguments)

    def facts(self, step: str, model: type[M]) -> M:
        """The facts of the step with that key; the model's defaults when it left none or has not run.

        Raises ValidationError when the facts do not fit the model, or it has no defaults.
        """
        return model.model_validate(self.stored_facts.get(step, {}))

    def remembered(self, model: type[M]) -> M | None:
        """The facts that this step has recorded so far, in this attempt and in failed ones before; None
        without any."""
        known = self.stored_facts.get(self.key)
        return model.model_validate(known) if known else None

    def remember(self, facts: BaseModel) -> None:
        """Make facts of this step durable right now, before the step ends."""
        known = to_json(facts)
        self.stage.remember(known)
        self.stored_facts.setdefault(self.key, {}).update(known)

    def write(self, work: Commit) -> None:
        """Commit what `work` changes right now, before the step ends; it is done again when the step is
        run again."""
        self.stage.write(work)

    def progress(self, fraction: float, sentence: str | None = None) -> None:
        """Report how much of the step is done, 0..1. Call it as often as you like: few calls reach the
        database."""
        self.stage.progress(fraction, sentence)

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked to cancel the job; a long step looks between chunks. Cached for half a
        second."""
        return self.stage.cancel_requested()

    def run_children(self, wanted: Callable[[], Sequence[Child]], deadline_seconds: float) -> Outcome:
        """Start the child jobs (once, however often this is called); raises Wait until all have ended.
        `wanted` is called for them only when they are started, not each time one of a thousand has ended.

        The step's policy judges failures; a retry of this job retries the children that failed. A step runs
        at most one batch of children.
        """
        return self.stage.run_children(wanted, deadline_seconds)

    def start_children(self, step: str, wanted: Callable[[], Sequence[Child]]) -> None:
        """Start the child jobs of a later step early, once however often this is called; that step then waits
        for them and judges them."""
        self.stage.start_children(step, wanted)

    def ask(self, question: asking.Question, deadline_seconds: float = asking.ASKS_SECONDS) -> asking.Answer:
        """A person's answer to the question; raises Wait until there is one, and StepFailed if it is
        negative. Only for a step, not for its undo, and once in a step. The answer is kept over restarts and
        retries; a retry asks again only after a negative one."""
        known = asking.QuestionFacts.model_validate(self.stored_facts.get(self.key, {}))
        if known.asks != question:
            # before the wait: one that is parked is not recorded for up to ten seconds, and can be
            # answered all the same
            self.remember(asking.OpenQuestion(asks=question))
        answer = asking.QuestionFacts(asks=question, answer=known.answer).answer_in(self.attempt)
        if answer is None:
            why = f"waits for a person: {question.instruction}"
            raise Wait(asking.signal(self.job_id, self.key), deadline_seconds, why)
        if answer.verdict in question.negative:
            said = f"{answer.by} answered '{answer.verdict}'" + (f": {answer.note}" if answer.note else "")
            raise StepFailed(
                ANSWERED_NEGATIVELY, said, "Do what was asked for, then retry the job: it asks again"
            )
        return answer

    def session(self) -> AbstractContextManager[Session]:
        """A read-only transaction: `with context.session() as session`. Change state in Done(commit=...)
        only."""
        return self.stage.read()

    def aside(self) -> AbstractContextManager[None]:
        """Let other steps compute while this one waits for something outside that takes a moment."""
        return self.stage.aside()

    def now(self) -> datetime:
        """The time of the engine's clock, UTC."""
        return self.stage.now()


StepFunction = Callable[[StepContext], Outcome]
