"""Shows a job for many machines: by numbers, and by the names of the machines where something is wrong."""

from collections.abc import Collection

from ..wire import rest
from . import output

NOTABLE = (
    rest.JobState.HELD,
    rest.JobState.PARTIALLY_SUCCEEDED,
    rest.JobState.FAILED,
    rest.JobState.CANCELLED,
)


def are_many(job: rest.Job) -> bool:
    """Whether the job has more jobs below it than it lists."""
    return count(job) > len(job.children)


def count(job: rest.Job, states: Collection[str] = tuple(rest.JobState)) -> int:
    """How many of the jobs that it started are in one of these states."""
    return sum(number for state, number in job.children_by_state.items() if state in states)


def summary(job: rest.Job) -> str:
    """'998 succeeded, 2 failed of 1000'."""
    found = [
        f"{job.children_by_state[each]} {each}" for each in rest.JobState if each in job.children_by_state
    ]
    return f"{', '.join(found)} of {count(job)}".replace("_", " ")


def line(child: rest.Job) -> str:
    """One line about a job that did not go well."""
    said = child.problem.message if child.problem else child.sentence
    return output.plain(f"{child.state:7} {child.subject_name}: {said}")
