"""What a step asks a person, and what was answered: both are facts of its task.

A negative answer ends the attempt in which it was given; a retry asks again. Any other answer stands, as long
as it is one to what is asked.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ...ground.job_states import TaskState
from ...ground.units import DAY
from .task_kind import TaskKind
from .views import TaskView

ASKS_SECONDS = 30 * DAY
OPEN = (TaskState.RUNNING, TaskState.WAITING)
"""A step asks while it is under way: it may be parked, and then it is not written down as waiting."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """`position` is that of the task that the person has seen asking: by now another one may ask."""

    position: int
    verdict: str
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class Question:
    """The instruction that a person is to follow, and the verdicts that can be given on it; the negative
    ones make the step fail."""

    instruction: str
    verdicts: tuple[str, ...]
    negative: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.negative) < set(self.verdicts):
            raise ValueError(f"of {self.verdicts} some have to be negative at most, not {self.negative}")


class Answer(BaseModel):
    """What a person said, and in which attempt at the step."""

    model_config = ConfigDict(frozen=True)

    by: str
    at: AwareDatetime
    verdict: str
    note: str = ""
    attempt: int


class OpenQuestion(BaseModel):
    """What the step remembers before it waits."""

    asks: Question


class AnsweredQuestion(BaseModel):
    """What is added by an answer."""

    answer: Answer


class QuestionFacts(BaseModel):
    """Both, as the facts of a task have them."""

    asks: Question | None = None
    answer: Answer | None = None

    def answer_in(self, attempt: int) -> Answer | None:
        """The one that stands in this attempt."""
        if self.answer is None or self.asks is None or self.answer.verdict not in self.asks.verdicts:
            return None
        ended = self.answer.verdict in self.asks.negative and self.answer.attempt < attempt
        return None if ended else self.answer


def asked(task: TaskView) -> QuestionFacts:
    """Nothing for facts of another form."""
    try:
        return QuestionFacts.model_validate(task.facts) if task.kind is TaskKind.STEP else QuestionFacts()
    except ValidationError:
        return QuestionFacts()


def asks_now(task: TaskView) -> Question | None:
    """What the task asks, if it is under way and not answered."""
    if task.state not in OPEN or "asks" not in task.facts:
        return None
    known = asked(task)
    return known.asks if known.answer_in(task.attempt) is None else None


def signal(job_id: str, key: str) -> str:
    """What a step that asks waits for."""
    return f"answer/{job_id}/{key}"


def given(by: str, at: datetime, verdict: str, note: str, task: TaskView) -> AnsweredQuestion:
    return AnsweredQuestion(answer=Answer(by=by, at=at, verdict=verdict, note=note, attempt=task.attempt))
