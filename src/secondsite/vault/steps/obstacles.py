"""What prerequisites checks found that blocks a verb."""

from ...domain import errors
from ...wire.control.checks import Obstacles


def require_none(verb: str, name: str, *found: Obstacles) -> None:
    """Raises PrerequisiteFailed naming every obstacle that blocks, each as 'what do'."""
    blocking = [f"{each.what} {each.do}" for some in found for each in some.obstacles if each.blocking]
    if blocking:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {' | '.join(blocking)}",
            do="Fix what is named, then retry the job.",
        )
