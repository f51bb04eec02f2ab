"""A task that asks a person: what it asks, and what to type."""

from ..wire import rest

SHORT = 10
"""Characters of a job's id that are shown; they are enough to name it."""


def line(job: rest.Job, asks: rest.TaskAsks) -> str:
    """On one line, with the command that answers it."""
    return (
        f"{asks.instruction}; answer with: secondsite job answer {job.id[:SHORT]} {'|'.join(asks.verdicts)}"
    )
