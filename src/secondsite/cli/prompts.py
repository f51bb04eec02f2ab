"""A task that asks a person: what it asks, and what to type."""

from ..wire import rest
from . import output

SHORT = 10
"""Characters of a job's id that are shown; they are enough to name it."""


def of_its_machine(job: rest.Job, advice: str) -> str:
    """Advice as it is typed for the job's machine, if it has one and no more."""
    one = job.subject and not job.subject.startswith("plan/")
    return output.about(job.subject_name, advice) if one and job.subject_name else advice


def line(job: rest.Job, asks: rest.TaskQuestion) -> str:
    """On one line, with the command that answers it."""
    return (
        f"{asks.instruction}; answer with: secondsite job answer {job.id[:SHORT]} {'|'.join(asks.verdicts)}"
    )
