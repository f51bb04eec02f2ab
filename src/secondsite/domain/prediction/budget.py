"""The downtime budget of a machine that is moved without loss. Pure.

The times of its former shutdown and start are subtracted; the rest is for the last changes, which are sent
and then applied, each in about the time of the cycle before them.
"""

from .. import errors
from ..amounts import span
from .predicting import Prediction
from .timing import Part

FIXED = (Part.SHUT_DOWN, Part.START)
"""The parts of the downtime that do not depend on what the machine writes."""
SENT_AND_APPLIED = 2


def seconds_for_changes(machine: str, at_most: float, before: Prediction) -> float:
    """How many seconds the cycle before the last one may take. Raises PrerequisiteFailed if the other parts
    are not known, or use up the whole budget."""
    known = before.parts or {}
    if any(part not in known for part in FIXED):
        raise errors.PrerequisiteFailed(
            f"No planned failover of {machine}, or of another machine the same way, tells how long its "
            f"shutdown and start take, so a downtime of at most {span(at_most)} cannot be promised.",
            do="Move it once without --at-most-down, at a time when the downtime does not matter.",
        )
    fixed = sum(known[part] for part in FIXED)
    if fixed >= at_most:
        raise errors.PrerequisiteFailed(
            (
                f"The shutdown and start of {machine} alone took {span(fixed)} before, which is not within "
                f"{span(at_most)}."
            ),
            do="Give it a larger budget.",
        )
    return (at_most - fixed) / SENT_AND_APPLIED


def not_met(machine: str, at_most: float, cycle_seconds: float, allowed: float) -> errors.SecondsiteError:
    """The error for a machine that writes faster than its changes can be sent."""
    return errors.DeadlineExceeded(
        f"The changes of {machine} took {span(cycle_seconds)} to send the last time; for a downtime of at "
        f"most {span(at_most)} they may take {span(allowed)}. It was not shut down.",
        do="Try again when it writes less, or give it a larger budget.",
    )
