"""Withdraws the old machine in favour of its replica. If the replica is made with another appliance, the old
one may be gone for good: it is not waited for, and if it returns, its machine is an old copy."""

from typing import Final

from ....domain import errors
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.base import Shape
from ..absent_site import declaration
from ..absent_site.declaration import Need
from ..deps import Deps
from ..sides import runs_nowhere
from ..sides.source import Source
from ..sides.target import Target

NOT_WAITED_FOR: Final = (errors.ApplianceUnreachable, errors.DeadlineExceeded, errors.FabricError)
"""Errors of an appliance that is not connected, or cannot use its hypervisor: they do not prevent using
another one."""


class Withdrawn(Shape):
    """Whether the old machine was withdrawn where it was, by this step."""

    withdrawn: bool = False


VERB: Final = "The reprotect"


def here(old: Source, serving: Target, *, needed: bool) -> Outcome:
    """Withdraw the machine at the appliance that gets its replica, too; `serving`: where it was failed over
    to. With new disks, an old machine that is gone is not `needed`. Raises PrerequisiteFailed if it is the
    only copy that runs: minutes may have passed since the check."""
    runs_nowhere.require_target_serves(VERB, serving, old.power().facts.power)
    try:
        return old.withdraw().done()
    except errors.NotFound as gone:
        if needed:
            raise
        return Skipped(f"there is nothing to shut down: {gone.message}")


def for_another(
    deps: Deps, old: Source, new: Source, serving: Target, *, needed: bool, stays: bool = False
) -> Outcome:
    """Withdraw the machine for the replica at another appliance, `new`, which may have a copy too if it
    shares the hypervisor, or had the machine before; `needed`: its disks there will be the replica; `stays`:
    what it leaves is at a site of its own, and is watched there."""
    there = here(new, serving, needed=needed)
    if not deps.gateway.is_connected(old.appliance_id):
        return _left(deps, old, stays=stays)
    try:
        runs_nowhere.require_target_serves(VERB, serving, old.power().facts.power)
        answer = old.withdraw(stays=stays)
    except errors.NotFound as gone:
        return there if isinstance(there, Done) else Skipped(f"there is nothing to shut down: {gone.message}")
    except NOT_WAITED_FOR:
        return _left(deps, old, stays=stays)
    return Done(answer.sentence, Withdrawn(withdrawn=True))


def undo(deps: Deps, old: Source, done: Withdrawn) -> Outcome:
    """Define the old machine again whose replica another appliance should have had."""
    if not done.withdrawn:
        return Skipped("nothing was withdrawn with another appliance")
    need = Need(
        old.to_define_again(),
        lost=f"the old {old.machine.name} is not defined there again yet",
        later="the old machine is defined there again",
    )
    return declaration.undone_or_left(deps, old, need)


def remove_replica(deps: Deps, old: Source) -> Outcome:
    """Remove the replica that an earlier direction left there."""
    need = Need(
        old.to_remove_left_replica(),
        lost="the replica that was left there stays",
        later="it is removed there",
    )
    if not deps.gateway.is_connected(old.appliance_id):
        return declaration.left_for_later(deps, old, need, outdated=True)
    try:
        return old.ask(need.asked).done()
    except errors.ApplianceUnreachable:
        return declaration.left_for_later(deps, old, need, outdated=True)
    except errors.SecondsiteError as problem:  # the machine is protected all the same
        return Skipped(f"the replica that was left at {old.site} stays: {problem.message}")


def _left(deps: Deps, old: Source, *, stays: bool) -> Skipped:
    lost = f"the old {old.machine.name} there is given up, with its disks"
    later = "it is shut down there if it runs, and withdrawn, so that nobody can start it; its disks stay"
    if old.is_copy:
        removal = Need(old.to_remove_machine(stays=stays), lost=lost, later=later)
        return declaration.left_for_later(deps, old, removal, outdated=True)
    need = Need(old.to_withdraw(left=True, stays=stays), lost=lost, later=later)
    return declaration.left_for_later(deps, old, need, outdated=True)
