"""Steps wait while the vault's database is busy or away; the job does not fail because of it.

Seen with twenty busy processes on two cores: a writer waited five seconds for SQLite's lock, and an enable
was undone because of it.
"""

import dataclasses

from ...domain import errors
from ...jobs.model.context import StepContext, StepFunction
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome, Wait
from ...jobs.storage import transactions

STORE_SECONDS = 600.0
_busy_since: dict[str, float] = {}
"""By order id: how long its step had waited when this process first found the database busy. It is kept here
since the steps of some jobs are made anew for each run."""


def retrying(step: Step) -> Step:
    """The same step, but it waits while the vault's database does not answer; so does its undo."""
    undo = None if step.undo is None else StoreRetry(step.undo)
    return dataclasses.replace(step, run=StoreRetry(step.run), undo=undo)


class StoreRetry:
    """A step's function that waits STORE_SECONDS for a busy database, however long the step has already
    waited for other things."""

    def __init__(self, function: StepFunction) -> None:
        self._function = function

    def __call__(self, ctx: StepContext) -> Outcome:
        try:
            outcome = self._function(ctx)
        except errors.StoreUnavailable as error:
            raise _wait(ctx, error.message) from error
        except transactions.REFUSALS as error:  # raised in a step that reads in a session of its own
            if not transactions.is_passing(error):
                raise
            raise _wait(ctx, transactions.said(error)) from error
        except BaseException:
            _busy_since.pop(ctx.order_id, None)
            raise
        _busy_since.pop(ctx.order_id, None)
        return outcome


def _wait(ctx: StepContext, said: str) -> Wait:
    since = _busy_since.setdefault(ctx.order_id, ctx.waited_seconds)
    return Wait(f"store {ctx.job_id}", since + STORE_SECONDS, f"The vault's database is busy: {said}")
