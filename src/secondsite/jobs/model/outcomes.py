"""The possible results of a step: it returns Done or Skipped, or raises Wait."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy.orm import Session

POLL_SECONDS = 30.0
Commit = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Done:
    """The step did its work.

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
    """There was nothing to do; `why` says why. `partial`: there should have been something, so the job ends
    as partially succeeded."""

    why: str
    commit: Commit | None = None
    partial: bool = False


@dataclass(eq=False)
class Wait(BaseException):
    """Raised by a step that has to wait for something that happens elsewhere; waiting holds no thread.

    The step is run again from its top, under the same order id, when `signal` fires, every `poll_seconds`,
    and when the engine starts. `deadline_seconds` counts from the step's first wait in this attempt, whatever
    it waited for; a step that still waits at its end fails with code "deadline-exceeded". After its first
    wait the step is run again at once, because the signal may have fired before the wait was recorded.

    A BaseException, so that a step's `except Exception` does not swallow it.
    """

    signal: str
    deadline_seconds: float
    why: str
    progress: float | None = None
    poll_seconds: float = POLL_SECONDS


Outcome = Done | Skipped
