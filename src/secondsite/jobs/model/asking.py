"""Questions of a step to a person, and the answers: both are facts of the step's task.

A negative answer ends the attempt in which it was given; a retry asks again, also after an answer that the
question names. Any other answer is kept, as long as it is one that the question allows.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ...ground.job_states import TaskState
from ...ground.units import DAY
from .views import TaskKind, TaskView

ASKS_SECONDS = 30 * DAY
OPEN = (TaskState.RUNNING, TaskState.WAITING)
"""States of a task whose step may be asking: a parked step is not recorded as waiting."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """A person's answer. `position` is that of the task that the person saw asking: another one may be asking
    by now."""

    position: int
    verdict: str
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class Question:
    """The instruction that a person is to follow, and the verdicts that can be given on it; the negative
    ones make the step fail. `again`: others after which a retry asks anew."""

    instruction: str
    verdicts: tuple[str, ...]
    negative: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.negative) < set(self.verdicts):
            raise ValueError(f"negative verdicts {self.negative} are not some of {self.verdicts}")


class Answer(BaseModel):
    """An answer as it is recorded, with the attempt at the step in which it was given."""

    model_config = ConfigDict(frozen=True)

    by: str
    at: AwareDatetime
    verdict: str
    note: str = ""
    attempt: int


class OpenQuestion(BaseModel):
    """The facts that a step records before it waits for an answer."""

    asks: Question


class AnsweredQuestion(BaseModel):
    """The facts that an answer adds."""

    answer: Answer


class QuestionFacts(BaseModel):
    """The question and the answer, as the facts of a task hold them."""

    asks: Question | None = None
    answer: Answer | None = None

    def answer_in(self, attempt: int) -> Answer | None:
        """The answer that counts in this attempt; None without one."""
        if self.answer is None or self.asks is None or self.answer.verdict not in self.asks.verdicts:
            return None
        asks_anew = (*self.asks.negative, *self.asks.again)
        ended = self.answer.verdict in asks_anew and self.answer.attempt < attempt
        return None if ended else self.answer


def asked(task: TaskView) -> QuestionFacts:
    """The question and answer of the task; none if its facts have another form."""
    try:
        return QuestionFacts.model_validate(task.facts) if task.kind is TaskKind.STEP else QuestionFacts()
    except ValidationError:
        return QuestionFacts()


def asks_now(task: TaskView) -> Question | None:
    """What the task asks, if its step is in progress and has no answer."""
    if task.state not in OPEN or "asks" not in task.facts:
        return None
    known = asked(task)
    return known.asks if known.answer_in(task.attempt) is None else None


def signal(job_id: str, key: str) -> str:
    """The signal that a step waits for when it asks."""
    return f"answer/{job_id}/{key}"


def given(by: str, at: datetime, verdict: str, note: str, task: TaskView) -> AnsweredQuestion:
    return AnsweredQuestion(answer=Answer(by=by, at=at, verdict=verdict, note=note, attempt=task.attempt))
