"""Which choices of a recovery point a verb offers, for one machine and for a plan (S-071, S-072, S-076).

A planned failover loses nothing, so it has one choice. Only on the way home there is a second one: an
app-consistent point instead of the last one, of the machine or, where machines have common points, of their
groups.
"""

from . import errors
from .lifecycle import Verb
from .points import RecoveryPointChoice

Choice = RecoveryPointChoice
FROM_A_POINT = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.CHANGE_RECOVERY_POINT})
VERBS = FROM_A_POINT | {Verb.PLANNED_FAILOVER}
"""The verbs that start a machine from a point."""
SINGLE = (Choice.LATEST, Choice.LATEST_PROCESSED, Choice.LATEST_APP_CONSISTENT)
FAILBACK = (Choice.LATEST, Choice.LATEST_APP_CONSISTENT, Choice.LATEST_MULTI_VM_APP_CONSISTENT)
"""The choices of a failback."""
COMMON = (Choice.LATEST_MULTI_VM_PROCESSED, Choice.LATEST_MULTI_VM_APP_CONSISTENT)


def of_machine(verb: Verb, is_grouped: bool, comes_home: bool) -> tuple[RecoveryPointChoice, ...]:
    """The choices for one machine; `is_grouped`: it is in a replication group."""
    _require_a_point(verb)
    if verb is Verb.PLANNED_FAILOVER:
        return FAILBACK if is_grouped and comes_home else _planned(comes_home, Choice.LATEST_APP_CONSISTENT)
    return (*SINGLE, Choice.LATEST_VERIFIED, *(COMMON if is_grouped else ()), Choice.CUSTOM)


def of_plan(verb: Verb, is_grouped: bool, comes_home: bool) -> tuple[RecoveryPointChoice, ...]:
    """The choices for the machines of a plan; `is_grouped`: one of them is in a replication group. A point by
    its id is not among them: it belongs to one machine."""
    _require_a_point(verb)
    if verb is Verb.PLANNED_FAILOVER:
        app = Choice.LATEST_MULTI_VM_APP_CONSISTENT if is_grouped else Choice.LATEST_APP_CONSISTENT
        return _planned(comes_home, app)
    return (*SINGLE, Choice.LATEST_VERIFIED, *(COMMON if is_grouped else ()))


def refuse_planned(
    choice: RecoveryPointChoice,
    what: str,
    *,
    comes_home: bool,
    possible: tuple[RecoveryPointChoice, ...] = FAILBACK,
) -> None:
    """Raises InvalidArgument for a choice that a planned failover of `what` does not offer; `possible` are
    those of a failback."""
    if choice is Choice.LATEST or (comes_home and choice in possible):
        return
    if not comes_home:
        raise errors.InvalidArgument(
            f"A planned failover of {what} loses nothing, so there is no recovery point to choose.",
            do=(
                "Leave the choice out. To start from an older point, use failover, or change the recovery "
                "point afterwards."
            ),
        )
    raise errors.InvalidArgument(
        f"The failback of {what} cannot start from '{choice}'.", do=f"Choose {' or '.join(possible)}."
    )


def _planned(comes_home: bool, app: RecoveryPointChoice) -> tuple[RecoveryPointChoice, ...]:
    return (Choice.LATEST, app) if comes_home else (Choice.LATEST,)


def _require_a_point(verb: Verb) -> None:
    if verb not in VERBS:
        raise errors.InvalidArgument(
            f"No recovery point is chosen for {verb}.", do=f"Give one of: {', '.join(sorted(VERBS))}."
        )
