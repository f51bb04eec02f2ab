"""One run of a plan at a time: a second one is refused, and so is the retry of one after a later run.

Two runs would each take what the other has not reached yet; and what a run found before the later one may no
longer be true.
"""

from ...domain import errors
from ...jobs.model.failures import Refused
from ...jobs.model.views import JobView
from ...jobs.storage import search
from ..steps.authority import SHORT
from ..store import Transaction
from . import staying_open
from .arguments import PLAN_RUN

LOCK = "plans"
"""The lock that runs and changes of plans take."""


def subject_of(plan: str) -> str:
    """The subject of the jobs of a plan's runs, by which they are found."""
    return f"plan/{plan}"


def refuse_second(tx: Transaction, plan: str) -> None:
    """Raises NotPossibleNow while the plan is being run; a run that only waits for testers is not in the
    way."""
    for job in search.of_subject(tx.session, subject_of(plan), PLAN_RUN):
        if not job.state.ended and not staying_open.only_waits(tx, job):
            short = job.id[:SHORT]
            raise errors.NotPossibleNow(
                f"Plan '{plan}' is being run already, by job {short}.",
                do=(
                    f"Follow it with 'secondsite job follow {short}', or end it with 'secondsite job cancel "
                    f"{short}'."
                ),
            )


def refuse_late_retry(tx: Transaction, job: JobView) -> None:
    """Raises Refused if there is a later run. The lock is held from here on: a run that is started at this
    moment sees the retried one."""
    tx.one_at_a_time(LOCK)
    later = search.of_subject(tx.session, str(job.subject), PLAN_RUN)[0]
    if later.id != job.id:
        raise Refused(
            "superseded",
            (
                f"Job {later.id[:SHORT]} is a later run of {job.subject_name}: what this one found before "
                "may no longer be true."
            ),
            "Run the plan again: a new run takes what has not arrived.",
        )
