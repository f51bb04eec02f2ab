"""The recommended action for a finding, in the state of its machine: never a verb that would be refused in
that state. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from . import bring_up, by_hand, health, shell
from .lifecycle import HALF_WAY, DrillState, State, Verb, allowed_operations

NOT_PROTECTED = "not-protected"
MOVES_BETWEEN = frozenset({State.FAILING_OVER, State.PLANNED_FAILING_OVER, State.CANCELLING})
"""States in which a job moves the machine from one site to the other, or back."""


@dataclass(frozen=True, slots=True)
class AdvisedMachine:
    """A machine with a finding. It was failed over to `site`, or replicates to it."""

    name: str
    site: str
    state: State
    drill: DrillState
    fabric_id: str
    """Its id at that site's hypervisor."""
    forgotten: bool = False
    """Its replica at that site has no record of its failover."""
    missing: bool = False
    """The hypervisor at that site does not know it, so commit and reprotect are not possible."""
    redefined: str = ""
    """What that site reported of other disks that it was defined on there; empty: it has its own."""
    off: bool = False
    """It is off at that site."""
    elsewhere: bool = False
    """At the old site something other than the machine's own definition runs from its disks."""
    hypervisor: bool = True
    """A hypervisor has it at that site."""
    old_hypervisor: bool = True
    """A hypervisor had it at the old site."""

    @property
    def shut_down(self) -> str:
        """How its old copy is shut down, in brackets."""
        return by_hand.shut_down(self.name, hypervisor=self.old_hypervisor)

    def may(self, verb: Verb) -> bool:
        return verb in allowed_operations(self.state, self.drill)


def advice(code: str, of: AdvisedMachine) -> str:
    """The recommended action for a finding with a code of the catalogue, with the machine's name in it."""
    own = _BY_CODE.get(code)
    said = own(of) if own is not None else ""
    return said or shell.about(of.name, health.CATALOGUE[code].do)


def instead(code: str, of: AdvisedMachine) -> str:
    """The recommended action if it differs from the catalogue's; else ''."""
    own = _BY_CODE.get(code)
    return own(of) if own is not None else ""


def before_a_second_copy(of: AdvisedMachine, source_site: str, *, moves: bool, copied: bool) -> str:
    """What to do instead of an unplanned failover of a machine that runs at its source. `moves`: a planned
    failover can begin; `copied`: a copy of it is at the target already, for which that one is refused."""
    if copied or of.may(Verb.CANCEL_FAILOVER):
        return _undecided(of)
    quoted = shell.arguments(of.name)
    if moves and of.may(Verb.PLANNED_FAILOVER):
        return f"Move without loss: 'secondsite machine planned-failover {quoted}'."
    return f"Stop it at {source_site} first; then 'secondsite machine failover {quoted}'."


def _off(of: AdvisedMachine) -> str:
    if of.redefined:
        return bring_up.redefined(of.name, of.site, of.redefined)
    start = bring_up.off(of.name, of.site, of.fabric_id, hypervisor=of.hypervisor)
    return f"{start} Find out why it went off.{_or_cancelled(of)}"


def _missing(of: AdvisedMachine) -> str:
    if of.forgotten:
        return bring_up.from_points(
            of.name, of.site, cancels=of.may(Verb.CANCEL_FAILOVER), changes=of.may(Verb.CHANGE_RECOVERY_POINT)
        )
    committed = not of.may(Verb.CHANGE_RECOVERY_POINT)
    return f"{bring_up.missing(of.name, of.site, committed=committed)}{_or_cancelled(of)}"


def _elsewhere(of: AdvisedMachine) -> str:
    """For a verb that did not end, which is to be repeated."""
    if of.state not in HALF_WAY:
        return ""
    return (
        f"Find where {of.name} runs: at another host of {of.site} that reaches the store ('virsh list'), or "
        "at that of its appliance ('fuser FILE', as root, for its disks). If it was migrated, migrate it "
        "back ('virsh migrate'); else shut it down there. Then repeat the verb."
    )


def _written(of: AdvisedMachine) -> str:
    said = shell.about(of.name, health.CATALOGUE[health.WRITTEN].do)
    if not of.may(Verb.CANCEL_FAILOVER):
        return said
    return (
        f"{said} Or 'secondsite machine cancel-failover {shell.arguments(of.name)}' lets it go on where it "
        "came from, and gives up what it wrote since."
    )


def _or_cancelled(of: AdvisedMachine) -> str:
    if not of.may(Verb.CANCEL_FAILOVER):
        return ""
    return (
        f" If it was never to run there, 'secondsite machine cancel-failover {shell.arguments(of.name)}' "
        "ends the failover."
    )


def _not_protected(of: AdvisedMachine) -> str:
    reprotects = f"'secondsite machine reprotect {shell.arguments(of.name)}'"
    commits = f"'secondsite machine commit {shell.arguments(of.name)}', then {reprotects}"
    if of.missing:
        then = reprotects if of.may(Verb.REPROTECT) else commits
        return f"Bring the machine up first, as 'failed-over-machine-missing' says; then {then}."
    if of.may(Verb.REPROTECT):
        return f"{reprotects}."
    if of.drill is not DrillState.NONE:
        return (
            f"'secondsite machine cleanup-test-failover {shell.arguments(of.name, options='--notes WHAT')}' "
            "completes its test failover; "
            f"then {commits}."
        )
    return f"{commits}." if of.may(Verb.COMMIT) else ""


def _two_copies(of: AdvisedMachine) -> str:
    if of.state in MOVES_BETWEEN:
        return "Stop neither: wait until the verb that is under way has ended, and look again."
    if of.may(Verb.FAILOVER):
        return _undecided(of)
    if of.off:
        return _only_the_old_one(of)
    stop = f"Shut the old copy down at its site {of.shut_down}."
    if of.elsewhere:
        stop = (
            "Find what has its old disks open at its old site: the machine of another name that 'virsh "
            "list' shows there and whose 'virsh domblklist' names them, or the other host that the machine "
            "was migrated to. Shut that down."
        )
    then = _not_protected(of)
    return f"{stop} Then {then}" if then else ""


def _only_the_old_one(of: AdvisedMachine) -> str:
    quoted = shell.arguments(of.name)
    start = bring_up.redefined(of.name, of.site, of.redefined) if of.redefined else ""
    start = start or bring_up.off(of.name, of.site, of.fabric_id, hypervisor=of.hypervisor)
    return (
        f"Do not stop it before you have decided which copy counts: at {of.site} {of.name} is off, so the "
        f"old copy is the only one that runs. If the one at {of.site} counts: {start} Then shut the old copy "
        f"down at its site {of.shut_down}; what it wrote since the failover is given up. If the "
        f"old one counts: 'secondsite machine disable-protection {quoted}' leaves both as they are; then "
        "protect it from there."
    )


def _undecided(of: AdvisedMachine) -> str:
    """For a failover that did not end, or of which this vault knows nothing: the copy at the old site may be
    the only one."""
    quoted = shell.arguments(of.name)
    look = (
        "Before you stop either copy, find out at both sites which one is in use: perhaps nothing runs at "
        f"{of.site}."
    )
    if of.may(Verb.CANCEL_FAILOVER):
        old = (
            f"'secondsite machine cancel-failover {quoted}' lets the machine go on at its old site, and "
            f"removes the copy at {of.site}"
        )
    else:
        old = (
            f"if nothing runs at {of.site}, 'secondsite machine resynchronize {quoted}' tells both sides "
            "their roles again"
        )
    new = (
        f"if the copy at {of.site} is in use, shut the old copy down {of.shut_down}, then "
        f"'secondsite machine failover {quoted}'"
    )
    return f"{look} {old[0].upper()}{old[1:]}; {new}."


_BY_CODE: dict[str, Callable[[AdvisedMachine], str]] = {
    "failed-over-machine-off": _off,
    "failed-over-machine-missing": _missing,
    "source-running-after-failover": _two_copies,
    health.ELSEWHERE: _elsewhere,
    health.WRITTEN: _written,
    NOT_PROTECTED: _not_protected,
}
