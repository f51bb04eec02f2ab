"""Jobs and their tasks as REST shapes, made from their rows."""

from collections.abc import Sequence

from pydantic import ValidationError

from ....ground.job_states import JobState, TaskState
from ....jobs.model import asking, failures
from ....jobs.model.views import JobView, TaskView, current_steps
from ....wire import rest
from ....wire.common.base import Problem

NAMED = 3
"""How many machines of a job are named; the others are counted."""
HELD = (
    "held: the vault's database was restored from a backup, or moved. Look at its machine, then let the job "
    "go on with 'secondsite job resume {0}', or end it with 'secondsite job cancel {0}'"
)


def verb(job: JobView) -> rest.JobVerb:
    """The verb of the job; that of a job for many machines is in its arguments. An unknown one, of another
    release, must not make a whole list fail."""
    return rest.verb_named(str(job.arguments.get("verb", job.name)))


def _facts(task: TaskView) -> rest.TaskFacts:
    """The public part of the step's facts. An unknown word in an old job must not make a whole list fail."""
    try:
        return rest.TaskFacts.model_validate(task.facts)
    except ValidationError:
        return rest.TaskFacts()


def sentence(job: JobView, tasks: Sequence[TaskView]) -> str:
    """How the job ended, else what it is doing."""
    if job.state is JobState.HELD:
        return HELD.format(job.id[:10])
    if job.error:
        return job.error.message
    if job.result:
        return job.result
    asks = asks_now(job, tasks)
    if asks is not None:
        task, question = asks
        return f"{task.title}: waits for a person: {question.instruction}"
    busy = [task for task in tasks if task.state in (TaskState.RUNNING, TaskState.WAITING)]
    return f"{busy[-1].title}: {busy[-1].sentence}".removesuffix(": ") if busy else ""


def asks_now(job: JobView, tasks: Sequence[TaskView]) -> tuple[TaskView, asking.Question] | None:
    """The task of the job that asks a person, and its question. A held job asks again when it goes on."""
    if job.state is JobState.HELD or job.state.ended or job.ending is not None:
        return None
    found = ((task, asking.asks_now(task)) for task in current_steps(tasks))
    return next(((task, question) for task, question in found if question is not None), None)


def several(names: str) -> str:
    """The first names of a job's machines, and the number of the others."""
    each = names.split(", ")
    more = len(each) - NAMED
    return f"{', '.join(each[:NAMED])} and {more} more" if more > 1 else names


def tasks(job: JobView, tasks: Sequence[TaskView]) -> tuple[rest.Task, ...]:
    """The tasks as shapes, in their order."""
    asks = asks_now(job, tasks)
    return tuple(_task(each, asks[1] if asks and asks[0].id == each.id else None) for each in tasks)


def _task(task: TaskView, question: asking.Question | None) -> rest.Task:
    return rest.Task(
        position=task.position,
        name=task.title,
        state=task.state,
        sentence=task.sentence,
        progress=task.progress,
        attempt=task.attempt,
        started_at=task.started_at,
        ended_at=task.ended_at,
        problem=problem(task.error),
        facts=_facts(task),
        asks=None if question is None else _asks(question, task),
        answer=_answer(task),
    )


def _asks(question: asking.Question, task: TaskView) -> rest.TaskQuestion:
    return rest.TaskQuestion(
        instruction=question.instruction, verdicts=question.verdicts, until=task.deadline_at
    )


def _answer(task: TaskView) -> rest.TaskAnswer | None:
    answer = asking.asked(task).answer if "answer" in task.facts else None
    if answer is None:
        return None
    return rest.TaskAnswer(by=answer.by, at=answer.at, verdict=answer.verdict, note=answer.note)


def problem(failure: failures.Failure | None) -> Problem | None:
    return Problem(code=failure.code, message=failure.message, do=failure.do) if failure else None
