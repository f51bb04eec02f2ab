"""What a step may answer: it is done, it has nothing to do, or it waits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    """The step reached its aim.

    `sentence` tells people what was done. `facts` (JSON) are kept for later steps. `commit` changes the domain's
    state in the same transaction as this record: both happen, exactly once, or neither. `partial` lets the
    job end as partially succeeded.
    """

    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    commit: Callable[[Session], None] | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """There was nothing to do, and `why` says so."""

    why: str
    commit: Callable[[Session], None] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The step's aim depends on something that happens elsewhere; waiting holds no thread.

    The step is run again, under the same order id, when `signal` fires, every `poll_seconds`, and when the engine
    starts. `deadline_seconds` counts from the step's first wait in this attempt, whatever it waited for; a step
    that still waits by then fails with code "deadline-exceeded". After its first wait the step is run once more
    at once, because the signal may have fired while the step was on its way to its answer.
    """

    signal: str
    deadline_seconds: float
    why: str
    progress: float | None = None
    poll_seconds: float = POLL_SECONDS


Outcome = Done | Skipped | Wait
