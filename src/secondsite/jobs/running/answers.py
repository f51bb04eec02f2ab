"""Records a person's answer to a step, in one transaction with the signal that wakes the step: a vault that
is killed has both or neither."""

from datetime import datetime

from sqlalchemy.orm import Session

from ...ground.job_states import JobState
from ..model import asking
from ..model.facts import to_json
from ..model.failures import Refused
from ..model.views import JobView, TaskView, current_steps
from ..storage import journal, read


def answer(session: Session, job_id: str, said: asking.GivenAnswer, now: datetime) -> None:
    """Record the answer and wake the step; raises Refused if the task does not ask, or has no such
    verdict."""
    job = journal.locked_job(session, job_id)
    task = _asking(job, read.tasks_of(session, job_id), said.position)
    question = asking.asks_now(task)
    assert question is not None  # that is how it was found
    if said.verdict not in question.verdicts:
        raise Refused(
            "no-such-verdict",
            f"'{said.verdict}' is not a possible answer.",
            f"Answer with {' or '.join(question.verdicts)}.",
        )
    facts = to_json(asking.given(said.by, now, said.verdict, said.note, task))
    # signalled: if the step began to look before this, it looks once more
    journal.change_task(session, task.id, facts={**task.facts, **facts}, signalled=True)
    journal.change_job(session, job_id, ready_at=now)


def _asking(job: JobView, tasks: tuple[TaskView, ...], position: int) -> TaskView:
    if job.state.ended or job.state is JobState.HELD or job.ending is not None:
        raise Refused(
            "not-asking",
            f"The job is {job.state}: it has no open question.",
            "A held job asks again once it is resumed."
            if job.state is JobState.HELD
            else "There is nothing to answer.",
        )
    asking_now = {task.position: task for task in current_steps(tasks) if asking.asks_now(task)}
    if position in asking_now:
        return asking_now[position]
    which = ", ".join(f"task {each} ({task.title})" for each, task in asking_now.items())
    raise Refused(
        "not-asking",
        f"Task {position} of the job has no open question, or was answered.",
        f"Look at the job: {which} asks now." if which else "Look at the job: none of its tasks asks.",
    )
