"""A database that is busy or away for a while delays a step; it does not fail the job.

Seen with twenty busy processes on two cores: a writer waited five seconds for SQLite's lock, and an enable was undone
because of it.
"""

import dataclasses
import functools

from ...domain import errors
from ...jobs.model.context import StepContext, StepFunction
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome, Wait

STORE_SECONDS = 600.0


def retrying(step: Step) -> Step:
    """The same step, but it waits while the vault's database does not answer; so does its undo."""
    undo = None if step.undo is None else functools.partial(_run, step.undo)
    return dataclasses.replace(step, run=functools.partial(_run, step.run), undo=undo)


def _run(function: StepFunction, ctx: StepContext) -> Outcome:
    try:
        return function(ctx)
    except errors.StoreUnavailable as error:
        why = f"The vault's database is busy: {error.message}"
        raise Wait(f"store {ctx.job_id}", STORE_SECONDS, why) from error
