"""Shows a task that asks a person: its question, and what to type."""

from ..wire import rest
from . import output

SHORT = 10
"""Characters of a job's id that are shown; they are enough to name it."""


def of_its_machine(job: rest.Job, advice: str) -> str:
    """Advice with the name of the job's machine, if the job has exactly one."""
    one = job.subject and not job.subject.startswith("plan/")
    return output.about(job.subject_name, advice) if one and job.subject_name else advice


def line(job: rest.Job, asks: rest.TaskQuestion) -> str:
    """The question on one line, with the command that answers it."""
    return (
        f"{asks.instruction}; answer with: secondsite job answer {job.id[:SHORT]} {'|'.join(asks.verdicts)}"
    )
