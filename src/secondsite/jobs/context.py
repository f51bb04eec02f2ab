"""What a running step sees: its order, what earlier steps found, and ways to tell how far it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from .outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Child:
    """A job to start below another one."""

    name: str
    subject: str | None = None
    subject_name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """What the engine does for a running step."""

    def progress(self, fraction: float, sentence: str | None) -> None: ...
    def remember(self, facts: Mapping[str, Any]) -> None: ...
    def cancel_requested(self) -> bool: ...
    def run_children(self, children: Sequence[Child], deadline_seconds: float) -> Outcome: ...
    def read(self) -> AbstractContextManager[Session]: ...
    def now(self) -> datetime: ...


@dataclass(slots=True)
class StepContext:
    """One run of one step (or of its undo).

    `attempt` and `order_id` stay the same when the step is run again after a wait or a crash and change with a
    retry: an effect that carries the order id can be recognised as a repeat. `all_facts` maps step names to
    their facts, this step's own included.
    """

    job_id: str
    name: str
    subject: str | None
    subject_name: str
    arguments: Mapping[str, Any]
    requested_by: str
    attempt: int
    order_id: str
    first_started_at: datetime
    all_facts: dict[str, dict[str, Any]]
    stage: Stage

    def facts(self, step_name: str) -> dict[str, Any]:
        """What the step of that name left; empty when it left nothing or has not run."""
        return self.all_facts.get(step_name, {})

    @property
    def remembered(self) -> dict[str, Any]:
        """What this step has remembered so far, in this attempt and in those that failed before it."""
        return self.facts(self.name)

    def remember(self, **facts: Any) -> None:
        """Make facts (JSON) of this step durable right now, before the step ends."""
        self.stage.remember(facts)
        self.all_facts.setdefault(self.name, {}).update(facts)

    def progress(self, fraction: float, sentence: str | None = None) -> None:
        """Tell how far the step is, 0..1. Call it as often as you like: few calls reach the database."""
        self.stage.progress(fraction, sentence)

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked to cancel the job; a long step looks between chunks. Cached for half a second."""
        return self.stage.cancel_requested()

    def run_children(self, children: Sequence[Child], deadline_seconds: float) -> Outcome:
        """Start the child jobs (once, however often this is called) and wait until all have ended.

        Return what this gives. The definition's policy judges failures; a retry of this job retries the
        children that failed. A step runs at most one batch of children.
        """
        return self.stage.run_children(children, deadline_seconds)

    def session(self) -> AbstractContextManager[Session]:
        """A read-only transaction: `with context.session() as session`. Change state in Done(commit=...) only."""
        return self.stage.read()

    def now(self) -> datetime:
        """The engine's clock."""
        return self.stage.now()


StepFunction = Callable[[StepContext], Outcome]
