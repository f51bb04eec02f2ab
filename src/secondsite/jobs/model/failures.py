"""Failures that are recorded, and errors that jobs raise, each with what the reader can do about it.

- Failure: a recorded fact: code, message, do
- JobError: base of
    - StepFailed: raised by a step: the failure to record
    - Refused: a request that cannot be honoured now (cancel, retry, answer, unknown job)
    - EngineAlreadyRunning: a second engine on a database that allows only one
    - NameTaken: another process took this engine's name
- LeaseOver: this engine's lease has ended
- LeaseLost: a BaseException: this engine may no longer write to the job
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ...ground.problem import SecondsiteError, ours

DEADLINE_EXCEEDED = "deadline-exceeded"
DEFINITION_CHANGED = "definition-changed"
UNDO_FAILED = "undo-failed"
GIVEN_UP = "given-up"
CHILDREN_FAILED = "children-failed"
ANSWERED_NEGATIVELY = "answered-negatively"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task or a job failed, and what the operator can do about it."""

    code: str
    message: str
    do: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    @staticmethod
    def from_dict(stored: Mapping[str, str] | None) -> "Failure | None":
        return None if stored is None else Failure(stored["code"], stored["message"], stored["do"])


class JobError(SecondsiteError):
    """A job, its step or its engine cannot go on; each case has a code of its own."""

    code = "job-error"

    def __init__(self, code: str, message: str, do: str) -> None:
        super().__init__(message, do=do)
        self.code = code


class StepFailed(JobError):
    """Raised by a step that cannot do its work: recorded on its task and its job."""


class Refused(JobError):
    """The request is not possible now; nothing was changed."""


class EngineAlreadyRunning(JobError):
    """Another process runs the jobs of this SQLite database."""


class NameTaken(JobError):
    """Another process registered under this engine's name; this engine has to stop."""


class LeaseOver(Exception):
    """This engine's lease has ended: it has to join again before anything that it writes is accepted."""


class LeaseLost(BaseException):
    """Another engine took the job over: nothing more of this run may be recorded.

    A BaseException, so that a step's `except Exception` does not swallow it.
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} was taken over by another engine")
        self.job_id = job_id


def describe(problem: BaseException) -> Failure:
    """The failure to record for an exception: its own code, message and do, or "internal" with its text."""
    said = ours(problem)
    return Failure(said.code, said.message, said.do)
