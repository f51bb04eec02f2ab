"""What prerequisites checks found that blocks a verb."""

from ...domain import errors, resting
from ...wire.control.checks import Obstacles


def require_none(verb: str, name: str, *found: Obstacles) -> None:
    """Raises PrerequisiteFailed naming every obstacle that blocks, each as 'what do'."""
    blocking = [f"{each.what} {each.do}" for some in found for each in some.obstacles if each.blocking]
    if blocking:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {' | '.join(blocking)}",
            do="Fix what is named, then retry the job.",
        )


def require_whole(verb: str, name: str, power: str) -> None:
    """Raises PrerequisiteFailed if the disks alone are not the machine: its memory is saved, or it lives elsewhere."""
    try:
        resting.obstacle(power, name)
    except errors.NotPossibleNow as problem:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {problem.message}", do=problem.do
        ) from problem
