"""A recovery plan: groups of machines in the order in which they are recovered.

A plan holds machines by their ids. A machine whose protection ended stays in it under its former name until
somebody takes it out: if plans shrank by themselves, nobody would notice the missing machine.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .. import errors
from . import held_checks
from .actions import MOST_ACTIONS, Action

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a vault's plans, from its settings."""

    groups: int = 7
    machines: int = 100


@dataclass(frozen=True, slots=True)
class PlanMachine:
    """A machine as it was when it was put into the plan; its sites decide who sees the plan when the machine
    is gone."""

    id: str
    name: str
    source_site: str
    target_site: str


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Machines that are recovered at the same time, with the actions before and after them."""

    machines: tuple[PlanMachine, ...]
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    name: str
    groups: tuple[PlanGroup, ...]
    rto_goal_seconds: int = 0
    """How long a run may take until its last machine runs, in seconds; 0: no goal."""
    commit_after_held_seconds: int = 0
    """For how many seconds the checks of all its machines have to hold after a failover until it commits by
    itself; 0: it never does."""
    commit_set_by: str | None = None
    """The token or person that set this last, by its id: nothing is committed that they could not commit.
    None: somebody on the vault's host."""

    @property
    def machines(self) -> Iterator[PlanMachine]:
        """The machines of all groups, in their order."""
        return (machine for group in self.groups for machine in group.machines)


def check(plan: RecoveryPlan, limits: Limits) -> None:
    """Raises InvalidArgument for a plan that is not possible."""
    if not NAME.fullmatch(plan.name):
        raise errors.InvalidArgument(
            f"'{plan.name}' cannot be the name of a plan.", do="Use a-z, 0-9 and '-', at most 63."
        )
    _check_size(plan, limits)
    held_checks.check(plan.commit_after_held_seconds)
    for number, group in enumerate(plan.groups, start=1):
        if not group.machines:
            raise errors.InvalidArgument(
                f"Group {number} has no machine.", do="Leave it out, or name its machines."
            )
        for actions in (group.before, group.after):
            _check_actions(number, actions)
    _check_guests(plan)
    twice = [name for name, times in Counter(_told(plan)).items() if times > 1]
    if twice:
        raise errors.InvalidArgument(
            f"These machines stand in the plan more than once: {', '.join(twice[:10])}.",
            do="A machine is recovered once: name it in one group.",
        )


def _check_size(plan: RecoveryPlan, limits: Limits) -> None:
    if not plan.groups:
        raise errors.InvalidArgument("A plan needs a group.", do="Name the machines of its first one.")
    machines = sum(len(group.machines) for group in plan.groups)
    for count, most, what, setting in (
        (len(plan.groups), limits.groups, "groups", "plan_groups"),
        (machines, limits.machines, "machines", "plan_machines"),
    ):
        if count > most:
            raise errors.InvalidArgument(
                f"A plan has at most {most} {what} here, not {count}.",
                do=f"Make two plans, or raise {setting} in the vault's vault.json and start it again.",
            )


def _check_actions(number: int, actions: tuple[Action, ...]) -> None:
    if len(actions) > MOST_ACTIONS:
        raise errors.InvalidArgument(
            f"Group {number} has {len(actions)} actions in a row.", do=f"It has at most {MOST_ACTIONS}."
        )


def _check_guests(plan: RecoveryPlan) -> None:
    """A script inside a guest can run only after the machine's group has started."""
    started: set[str] = set()
    for number, group in enumerate(plan.groups, start=1):
        _require_started(group.before, started, f"before group {number}")
        started |= {machine.id for machine in group.machines}
        _require_started(group.after, started, f"after group {number}")


def _require_started(actions: tuple[Action, ...], started: Collection[str], when: str) -> None:
    for action in actions:
        if action.guest is not None and action.guest not in started:
            raise errors.InvalidArgument(
                f"The guest of action '{action.name}' has not been started by the plan {when}.",
                do=(
                    "Name a machine of an earlier group, or move the action after the group that the machine "
                    "is in."
                ),
            )


def _told(plan: RecoveryPlan) -> Iterator[str]:
    """Machines with ids, since two may have the same name."""
    return (f"{machine.name} ({machine.id})" for machine in plan.machines)
