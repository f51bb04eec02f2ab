"""What a step may say: it is done, it has nothing to do (it returns that), or it waits (it raises that)."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy.orm import Session

POLL_SECONDS = 30.0
Commit = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Done:
    """The step reached its aim.

    `sentence` tells people what was done. `facts` are kept for later steps. `commit` changes the domain's
    state in the same transaction as this record: both happen, exactly once, or neither. `partial` lets the
    job end as partially succeeded.
    """

    sentence: str
    facts: BaseModel | None = None
    commit: Commit | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """There was nothing to do, and `why` says so."""

    why: str
    commit: Commit | None = None


@dataclass(eq=False)
class Wait(BaseException):
    """Raised by a step whose aim depends on something that happens elsewhere; waiting holds no thread.

    The step is run again from its top, under the same order id, when `signal` fires, every `poll_seconds`, and when
    the engine starts. `deadline_seconds` counts from the step's first wait in this attempt, whatever it waited for; a
    step that still waits by then fails with code "deadline-exceeded". After its first wait the step is run once more
    at once, because the signal may have fired while the step was on its way to the wait.

    A BaseException, so that a step's `except Exception` does not swallow it.
    """

    signal: str
    deadline_seconds: float
    why: str
    progress: float | None = None
    poll_seconds: float = POLL_SECONDS


Outcome = Done | Skipped
