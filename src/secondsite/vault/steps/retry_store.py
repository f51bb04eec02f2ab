"""A database that is busy or away for a while delays a step; it does not fail the job.

Seen with twenty busy processes on two cores: a writer waited five seconds for SQLite's lock, and an enable was undone
because of it.
"""

import dataclasses

from ...domain import errors
from ...jobs.model.context import StepContext, StepFunction
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome, Wait

STORE_SECONDS = 600.0


def retrying(step: Step) -> Step:
    """The same step, but it waits while the vault's database does not answer; so does its undo."""
    undo = None if step.undo is None else Retrying(step.undo)
    return dataclasses.replace(step, run=Retrying(step.run), undo=undo)


class Retrying:
    """A step's function that waits STORE_SECONDS for a busy database, however long the step has already waited for
    other things. How long the database has been busy is known only to this process."""

    def __init__(self, function: StepFunction) -> None:
        self._function = function
        self._busy_since: dict[str, float] = {}

    def __call__(self, ctx: StepContext) -> Outcome:
        try:
            outcome = self._function(ctx)
        except errors.StoreUnavailable as error:
            raise self._wait(ctx, error) from error
        except BaseException:
            self._busy_since.pop(ctx.order_id, None)
            raise
        self._busy_since.pop(ctx.order_id, None)
        return outcome

    def _wait(self, ctx: StepContext, error: errors.StoreUnavailable) -> Wait:
        since = self._busy_since.setdefault(ctx.order_id, ctx.waited_seconds)
        why = f"The vault's database is busy: {error.message}"
        return Wait(f"store {ctx.job_id}", since + STORE_SECONDS, why)
