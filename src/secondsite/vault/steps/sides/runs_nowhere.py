"""Prevents leaving a machine that runs nowhere: ending the protection of one, unless a person demands it,
since without its record nobody would bring it up again (S-057); and shutting down the only copy that runs."""

from ....domain import bring_up, by_hand, errors, shell
from ....domain.lifecycle import State
from ....wire.common.machines import PowerState
from ...store import MachineRecord, StatusRecord
from .. import lookup
from .source import ASKED_IN_PASSING, Source
from .target import Target

NOWHERE = frozenset({PowerState.OFF, PowerState.MISSING})
SERVES = frozenset({PowerState.RUNNING, PowerState.ELSEWHERE})


def require(source: Source, target: Target, given_up: str | None) -> str:
    """A sentence about where the machine runs. Raises PrerequisiteFailed unless one site, and not both,
    reports that it runs there. A site that was given up is not asked: what it had is lost, including its
    machine."""
    machine = source.machine
    said, on = [], []
    for side, site in ((source, machine.source_site), (target, machine.target_site)):
        if site == given_up:
            continue
        power = _power(side)
        if power is not None and power not in NOWHERE:
            on.append(f"{machine.name} is {power} at {site}")
        said.append(f"at {site} it is {power}" if power else f"{site} does not answer")
    if len(on) > 1:
        raise _two_copies(machine, " and ".join(said))
    if on:
        return on[0]
    if given_up == machine.source_site:
        return f"{machine.source_site} is given up, and what it had; {'; '.join(said)}"
    name = machine.name
    raise errors.PrerequisiteFailed(
        f"{machine.name} runs nowhere, as far as is known ({'; '.join(said)}): a failover did not "
        "end. Without protection nobody would bring it up.",
        do=f"Bring it up first: 'secondsite machine cancel-failover {shell.arguments(name)}' starts it at "
        f"{machine.source_site}, 'secondsite machine failover {shell.arguments(name)}' at "
        f"{machine.target_site}. {_then(name)}",
    )


def require_failed_over(source: Source, target: Target, given_up: str | None, status: StatusRecord) -> str:
    """As `require`, for a machine that was failed over: it should run at its target, which is asked first,
    and not at its source, too. A site that does not answer is not waited for here. `status`: what was heard
    of it last."""
    machine = source.machine
    site = machine.target_site
    if site == given_up:
        return f"{site} is given up, and what it had"
    power = _power(target)
    if power is None:
        return f"{site} does not answer"
    home = None if given_up == machine.source_site else _power(source)
    if power not in bring_up.NOT_ON:
        if home is not None and home not in bring_up.NOT_ON:
            raise _two_copies(machine, f"at {machine.source_site} it is {home} and at {site} it is {power}")
        return f"{machine.name} is {power} at {site}"
    if home is not None and home not in bring_up.NOT_ON:
        return f"{machine.name} is {home} at {machine.source_site}; at {site} it is {bring_up.said(power)}"
    raise _runs_nowhere(machine, power, status)


def require_target_serves(verb: str, target: Target, there: str, *, stays_on: bool = True) -> None:
    """For a verb that is about to shut down the old copy, whose power state is `there`. Raises
    PrerequisiteFailed if that copy is on, or has its memory saved, while the failed-over machine does not
    serve: then nothing would, and what the old copy wrote would be in no replica. `stays_on`: the verb leaves
    the failed-over machine on meanwhile."""
    if there in NOWHERE:
        return
    here = target.power().facts.power
    if here not in SERVES:
        raise _only_copy(verb, target.machine, there, here)
    if not stays_on:
        raise _shut_down_first(verb, target.machine, there)


def in_the_way_of_a_shutdown(
    verb: str, machine: MachineRecord, there: str
) -> errors.PrerequisiteFailed | None:
    """What `require_target_serves` would raise for a verb that shuts the failed-over machine down first, from
    what was last heard of the old copy; None: nothing."""
    return None if there in NOWHERE else _shut_down_first(verb, machine, there)


def _only_copy(verb: str, machine: MachineRecord, there: str, here: str) -> errors.PrerequisiteFailed:
    name, home, site = machine.name, machine.source_site, machine.target_site
    return errors.PrerequisiteFailed(
        f"{verb} of {name} would shut down the only copy that is on: at {home} its old copy is "
        f"{_spoken(there)}, and at {site}, where it was failed over to, it is {_spoken(here)}. Then nothing "
        "of it would run, and what the old copy wrote would be left in its old disk files only.",
        do=f"Decide which one counts. The one at {site}: {_bring_up(machine, here)} Then retry the job: what "
        f"the one at {home} wrote since the failover is given up. Neither now: {_by_hand(machine)}, then "
        f"retry the job; what it wrote is given up, too. The one at {home}: 'secondsite machine "
        f"disable-protection {shell.arguments(name)}' leaves both as they are; then protect it from there.",
    )


def _shut_down_first(verb: str, machine: MachineRecord, there: str) -> errors.PrerequisiteFailed:
    name, home, site = machine.name, machine.source_site, machine.target_site
    return errors.PrerequisiteFailed(
        f"{verb} of {name} was not started: at {home} its old copy is {_spoken(there)}, and would be the "
        f"only one that is on once {name} is shut down at {site}.",
        do=f"If nothing is needed that the old copy wrote since the failover: {_by_hand(machine)}, then "
        "retry the job.",
    )


def _bring_up(machine: MachineRecord, power: str) -> str:
    if power in bring_up.NOT_ON:
        return _way(machine, power, committed=True)
    quoted = shell.arguments(machine.target_fabric_id)
    return f"Let it go on ('virsh resume {quoted}'), or end it and start it ('virsh destroy {quoted}')."


def _by_hand(machine: MachineRecord) -> str:
    how = by_hand.shut_down(machine.source_fabric_id, hypervisor=machine.hypervisor_at_source)
    return f"shut the one at {machine.source_site} down by hand {how}"


def _way(machine: MachineRecord, power: str, *, committed: bool) -> str:
    return bring_up.way(
        power, machine.name, machine.target_site, machine.target_fabric_id, committed=committed,
        hypervisor=machine.hypervisor_at_target,
    )  # fmt: skip


def _spoken(power: str) -> str:
    return bring_up.said(power).rstrip(",")


def _runs_nowhere(machine: MachineRecord, power: str, status: StatusRecord) -> errors.PrerequisiteFailed:
    name, site = machine.name, machine.target_site
    committed = machine.came_from not in (State.FAILED_OVER, State.PLANNED_FAILED_OVER)
    way, known = _way(machine, power, committed=committed), ""
    redefined = lookup.redefined(status)
    if redefined and power != bring_up.MISSING:
        way = bring_up.redefined(name, site, redefined)
    if lookup.is_forgotten(machine, status):
        cancels = machine.came_from is State.PLANNED_FAILED_OVER
        way = bring_up.from_points(name, site, cancels=cancels, changes=not committed)
        known = (
            ", and its replica there knows of no failover: it was put back, or a start from another point "
            "failed"
        )
    return errors.PrerequisiteFailed(
        f"{name} runs nowhere: it was failed over to {site}, and at {site} it is "
        f"{bring_up.said(power).rstrip(',')}{known}. Without protection nobody "
        f"would bring it up, and nothing would keep its old copy at {machine.source_site} from starting.",
        do=f"{way} {_then(name)}",
    )


def _two_copies(machine: MachineRecord, said: str) -> errors.PrerequisiteFailed:
    name, home, site = machine.name, machine.source_site, machine.target_site
    return errors.PrerequisiteFailed(
        f"Protection of {name} was not ended: two copies of it are on: {said}. Without protection nothing "
        "would keep the two apart any more, or tell of them.",
        do=f"Shut down the one that you do not need: at {home} "
        f"{by_hand.shut_down(machine.source_fabric_id, hypervisor=machine.hypervisor_at_source)}, or at "
        f"{site} {by_hand.shut_down(machine.target_fabric_id, hypervisor=machine.hypervisor_at_target)}; its "
        "files stay. Then retry the job.",
    )


def _then(name: str) -> str:
    quoted = shell.arguments(name, options="--runs-nowhere")
    return (
        "Then end its protection. If it is not to run any more: 'secondsite machine disable-protection "
        f"{quoted}'."
    )


def _power(side: Source | Target) -> PowerState | str | None:
    """The power state; None: the site does not answer."""
    try:
        answer = side.power(ASKED_IN_PASSING) if isinstance(side, Source) else side.power()
    except errors.ApplianceUnreachable:
        return None
    return answer.facts.power
