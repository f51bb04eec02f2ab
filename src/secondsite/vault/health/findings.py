"""The findings of a machine: what the appliances report, and what only the vault can see. Pure."""

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...domain import advice, bring_up, health, shell
from ...domain.amounts import span
from ...domain.health import Health, HealthFinding
from ...domain.lifecycle import HALF_WAY, UNCOMMITTED, DrillState, State, Verb
from ...domain.machines import platforms
from ...domain.policies import ReplicationPolicy
from ...jobs.model.views import JobView
from ...wire.common.machines import PowerState
from ...wire.control.statuses import ReplicaStatus
from ..steps import automatic_cancel, lookup
from ..store import ApplianceRecord, ArrivalRecord, MachineRecord, StatusRecord
from . import disbelief, machine_rpo, standing_findings

RUNS_AT_TARGET = frozenset(
    {
        State.FAILED_OVER,
        State.CHANGING_RECOVERY_POINT,
        State.COMMITTING,
        State.COMMITTED,
        State.REPROTECTING,
        State.PLANNED_FAILED_OVER,
        State.PLANNED_CHANGING_RECOVERY_POINT,
        State.PLANNED_COMMITTING,
    }
)
"""States in which the machine runs, or should run, at its target."""
SHOULD_RUN = frozenset({State.FAILED_OVER, State.COMMITTED, State.PLANNED_FAILED_OVER})
"""States in which the machine should run at its target, and no verb stops it for a moment."""
OFF, DRILL_OFF = "failed-over-machine-off", "drill-machine-off"
MISSING = "failed-over-machine-missing"
NOT_THERE = frozenset({OFF, MISSING, health.ELSEWHERE, health.REDEFINED, health.WRITTEN})
"""Of a machine that should run at its target, as it was failed over there."""
TWO_COPIES = "source-running-after-failover"
OF_OLD_COPY = frozenset({"machine-doubled", "machine-fenced", "machine-silent"})
"""What counts of the machine's old site while it runs, or should run, at its target."""
BEHIND = "record-is-behind"
"""Its time is a figure: that of the last cycle."""
TWO_HOSTS, MOVED = "runs-at-two-hosts", "failed-over-machine-moved"
AT_HOME = frozenset({State.INITIAL_REPLICATING, State.PROTECTED})
MIGRATED_WITHIN = timedelta(seconds=45)
"""After that the former host has been looked at since a migration: the machine is followed, or there are
two."""
KNOWN_AT_SOURCE = HALF_WAY | {State.PROTECTED}
KNOWN_AT_TARGET = KNOWN_AT_SOURCE | {State.FAILED_OVER, State.PLANNED_FAILED_OVER}
"""States at rest in which the target's appliance reports on the machine all the time."""
STOPPING = frozenset({State.DISABLING, State.DISABLE_FAILED})
REPLICATES = frozenset({State.ENABLING, State.INITIAL_REPLICATING, State.PROTECTED, State.REPROTECTING})
_WENT_AWAY = RUNS_AT_TARGET - {
    State.PLANNED_FAILED_OVER,
    State.PLANNED_CHANGING_RECOVERY_POINT,
    State.PLANNED_COMMITTING,
}
"""States in which a check from before the failover is out of date: not those of a planned failover, whose own
check is the one that is kept."""
# In reprotect the old source has been withdrawn already, or is about to be.
_TWO_COPIES = RUNS_AT_TARGET - {State.REPROTECTING}


NEVER = datetime.max.replace(tzinfo=UTC)
CA_TOLD_BEFORE = timedelta(days=90)
SPOKEN_WITHIN = timedelta(seconds=30)
"""How long after its start a vault does not report an old point: perhaps it only has not heard of a newer one
yet."""
SILENT = timedelta(seconds=health.SILENT_SECONDS)
LEFT_WHEN_LATE = 0.3
"""The part of a certificate's lifetime: 27 of 90 days."""
NOT_OFF = {
    PowerState.RUNNING: "runs",
    PowerState.PAUSED: "is paused",
    PowerState.CRASHED: "has crashed, and is kept with its memory",
    PowerState.ELSEWHERE: "runs on another host, or its disks are in use there,",
}
"""Power states of a copy that may write, in words."""


@dataclass(frozen=True, slots=True)
class CommitsItself:
    """The `plan` of the machine commits by itself, not before `at`, if its checks go on holding as they have
    since `since`."""

    plan: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the findings of a machine are derived from."""

    machine: MachineRecord
    status: StatusRecord
    policy: ReplicationPolicy | None
    source: ApplianceRecord | None
    target: ApplianceRecord | None
    certificate_lifetime: timedelta = timedelta(days=90)
    ca_ends_at: datetime | None = None
    listens_since: datetime | None = None
    """When the vault started: what it knows from before may be out of date."""
    drill_counts: timedelta = standing_findings.DRILL_COUNTS
    seen_generation: int = 0
    """The highest number of an order for the machine that an appliance has seen; read only where it may show
    more than the record does."""
    missed_since: datetime | None = None
    """Since when reports have been missing from a side that never reported on the machine, such as one that
    was adopted."""
    has_other_host: bool = False
    """Whether another host of its target's site reaches a store of its target."""
    last_failed: JobView | None = None
    """The job that left the machine half-way, or the one that should have done by itself what comes after its
    commit, and failed."""
    commits: tuple[CommitsItself, ...] = ()


def _not_yet(situation: Situation) -> Iterator[HealthFinding]:
    """A point of an instant that is to come."""
    said = machine_rpo.newest_point_at(situation.status)
    believed = machine_rpo.believed_at(situation.status, said)
    if said is None or believed is None or said == believed:
        return
    who = f"'{situation.target.name}' of site" if situation.target else "of site"
    what = (
        f"Appliance {who} {situation.machine.target_site} reports that the newest point is of "
        f"{said:%Y-%m-%d %H:%M:%S} UTC, which is in the future. "
        f"That was not believed: the point counts as of {believed:%Y-%m-%d %H:%M:%S} UTC."
    )
    yield HealthFinding(disbelief.CODE, what, believed)


def findings(situation: Situation, now: datetime) -> tuple[HealthFinding, ...]:
    """All findings of the machine at `now`, the oldest first."""
    two_copies = [*_two_copies(situation), *_left_copy(situation)]
    own = {finding.code for finding in two_copies}
    found = [
        *(finding for finding in _reported(situation) if finding.code not in own),
        *_rpo(situation, now),
        *_unreachable(situation),
        *_forgotten(situation, now),
        *disbelief.of_machine(situation.source, situation.target),
        *_not_yet(situation),
        *_certificates(situation, now),
        *_authority(situation, now),
        *_by_state(situation),
        *_nowhere(situation),
        *_at_two_hosts(situation),
        *_moved_there(situation),
        *_behind(situation),
        *_warned(situation),
        *_names(situation),
        *_addresses(situation),
        *_not_reversed(situation),
        *_commits_itself(situation),
        *_not_settled(situation),
        *standing_findings.standing(situation.machine, now, situation.drill_counts, situation.policy),
        *two_copies,
    ]
    codes = frozenset(finding.code for finding in found)
    advised = (_advised(situation, finding, codes) for finding in found)
    return tuple(sorted(advised, key=lambda finding: (finding.since, finding.code)))


def _advised(situation: Situation, finding: HealthFinding, codes: Collection[str]) -> HealthFinding:
    """The finding with what is possible in the machine's state; `codes` are those of all its findings."""
    machine, forgotten = situation.machine, lookup.is_forgotten(situation.machine, situation.status)
    of = advice.AdvisedMachine(
        machine.name,
        machine.target_site,
        machine.state,
        machine.drill_state,
        machine.target_fabric_id,
        forgotten,
        MISSING in codes,
        lookup.redefined(situation.status),
        off=OFF in codes,
        elsewhere=_power_at_source(situation.status) is PowerState.ELSEWHERE,
        hypervisor=_has_hypervisor(situation.target),
        old_hypervisor=_has_hypervisor(situation.source),
    )
    instead = advice.instead(finding.code, of)
    return replace(finding, instead=instead) if instead else finding


def _has_hypervisor(appliance: ApplianceRecord | None) -> bool:
    hello = appliance.hello if appliance is not None else None
    return platforms.has_hypervisor(hello.fabric_kind if hello is not None else None)


def steady_until(situation: Situation, now: datetime) -> datetime | None:
    """Until when the findings at `now` stay the same, if nothing changes but the clock and the times at which
    the two sides were heard. None: not known."""
    exceeded_at = _exceeded_at(situation)
    silent_at = [at + SILENT for _side, at in _speakers(situation)]
    if _goes_by_what_was_seen(situation) or (exceeded_at is not None and now > exceeded_at):
        return None  # a finding of it shows its age
    if any(now > at for at in silent_at):
        return None  # the appliance may report at any moment
    late_at = (_late_at(situation, each) for each in (situation.source, situation.target) if each is not None)
    stands = standing_findings.standing_from(situation.machine, situation.drill_counts, situation.policy)
    turns = (exceeded_at, *silent_at, *late_at, _ca_told_at(situation), *stands)
    return min((each for each in turns if each is not None and each >= now), default=NEVER)


def _goes_by_what_was_seen(situation: Situation) -> bool:
    machine, status = situation.machine, situation.status
    if machine.state in HALF_WAY or rests_off(machine, status):
        return True
    if machine.state in SHOULD_RUN and status.replica is not None and "failover" not in status.replica.runs:
        return True  # the status counts once it is heard after the failover
    runs_there = status.replica is not None and bool(status.replica.runs)
    if machine.state not in _TWO_COPIES and not runs_there:
        return False
    seen_at = _runs_at_source(status, machine)  # a sighting that counts also counts when it is repeated
    return seen_at is not None and (machine.failed_over_at is None or seen_at <= machine.failed_over_at)


def overall(machine: MachineRecord, found: tuple[HealthFinding, ...]) -> Health:
    """The worst severity of the findings that change health; without one, healthy for a machine that
    replicates, not applicable for others."""
    if any(finding.kind.colours for finding in found):
        return health.overall(found)
    return Health.HEALTHY if machine.state in REPLICATES else Health.NOT_APPLICABLE


def _reported(situation: Situation) -> Iterator[HealthFinding]:
    status, machine = situation.status, situation.machine
    source = status.source
    sides = (
        (source, situation.source, machine.source_site),
        (status.replica, situation.target, machine.target_site),
    )
    for side, appliance, site in sides:
        for finding in side.findings if side else ():
            # Else the last report of a site that the machine has left is out of date.
            if side is source and machine.state in RUNS_AT_TARGET and finding.code not in OF_OLD_COPY:
                continue
            if finding.code in NOT_THERE | {DRILL_OFF} and not _should_run(finding.code, situation.machine):
                continue
            if finding.code == TWO_COPIES and _is_the_only_copy(situation):
                continue
            if finding.code in (OFF, MISSING, health.ELSEWHERE) and status.moved is not None:
                continue
            who = (
                f"appliance '{appliance.name}' of site {site}"
                if appliance
                else f"the appliance of site {site}"
            )
            if finding.code == health.CLOCK_SKEW:  # in a status, but found by the vault
                yield HealthFinding(finding.code, finding.what, finding.since)
            else:
                yield HealthFinding(_believed(finding.code, side is source), finding.what, finding.since, who)


def _believed(code: str, of_source: bool) -> str:
    """The code, or UNKNOWN: a newer appliance may report codes that this vault does not know. And an
    appliance may not report what only the vault finds: the advice could be to stop a machine at the other
    site."""
    kind = health.CATALOGUE.get(code)
    is_theirs = kind is not None and not kind.by_vault and (of_source or code != TWO_COPIES)
    return code if is_theirs else health.UNKNOWN


def _should_run(code: str, machine: MachineRecord) -> bool:
    """Whether the finding counts in the machine's state: elsewhere it would advise turning off, or starting,
    the wrong machine."""
    if code == health.ELSEWHERE and machine.state in HALF_WAY and machine.start_ordered:
        return True
    return machine.state in SHOULD_RUN if code in NOT_THERE else machine.drill_state is DrillState.RUNNING


def _is_the_only_copy(situation: Situation) -> bool:
    """Whether the source reports on a failover that did not end: nothing runs at the target, and the machine
    should go on running at home."""
    machine, replica = situation.machine, situation.status.replica
    if machine.state not in HALF_WAY | advice.MOVES_BETWEEN or _is_said_to_run(machine, replica):
        return False
    is_heard = situation.target is not None and situation.target.connected and replica is not None
    return is_heard or not machine.start_ordered


def _rpo(situation: Situation, now: datetime) -> Iterator[HealthFinding]:
    exceeded_at = _exceeded_at(situation)
    if (
        exceeded_at is None
        or situation.policy is None
        or now <= exceeded_at
        or _is_to_be_heard(situation, now)
    ):
        return
    threshold = situation.policy.rpo_threshold_seconds
    age = (now - exceeded_at).total_seconds() + threshold
    what = f"The newest recovery point is {span(round(age))} old; the threshold is {span(threshold)}."
    if machine_rpo.lost_at(situation.status) is not None:
        what = f"All recovery points are damaged; the threshold is {span(threshold)}."
    yield HealthFinding("rpo-exceeded", what, exceeded_at)


def _is_to_be_heard(situation: Situation, now: datetime) -> bool:
    """Whether the vault has just started, and one of the two sides has not reported yet."""
    since, status = situation.listens_since, situation.status
    if since is None or not since <= now < since + SPOKEN_WITHIN:
        return False
    return any(at is None or at < since for at in (status.source_at, status.replica_at))


def _exceeded_at(situation: Situation) -> datetime | None:
    """When the machine's newest point becomes too old; None where that does not matter."""
    if situation.machine.state is not State.PROTECTED or situation.policy is None:
        return None
    if (lost_at := machine_rpo.lost_at(situation.status)) is not None:
        return lost_at
    recoverable = machine_rpo.recoverable_at(situation.status) or situation.machine.created_at
    return recoverable + timedelta(seconds=situation.policy.rpo_threshold_seconds)


def _unreachable(situation: Situation) -> Iterator[HealthFinding]:
    machine = situation.machine
    sides = [(machine.target_site, machine.target_appliance_id, situation.target)]
    if machine.state not in RUNS_AT_TARGET:
        sides.append((machine.source_site, machine.source_appliance_id, situation.source))
    for site, appliance_id, appliance in sides:
        if appliance is None:
            what = f"Appliance '{appliance_id}' of site {site} is no longer enrolled."
            yield HealthFinding("appliance-unreachable", what, machine.created_at)
        elif not appliance.connected:
            since = appliance.last_seen_at or appliance.enrolled_at
            what = f"Appliance '{appliance.name}' of site {site} has no connection to the vault."
            yield HealthFinding("appliance-unreachable", what, since)


def _forgotten(situation: Situation, now: datetime) -> Iterator[HealthFinding]:
    if _is_to_be_heard(situation, now):
        return
    for appliance, at in _speakers(situation):
        if now > at + SILENT:
            what = (
                f"Appliance '{appliance.name}' of site {appliance.site} is connected, but has not reported "
                f"on {situation.machine.name} since {at:%Y-%m-%d at %H:%M:%S} UTC."
            )
            yield HealthFinding("forgotten", what, at)


def _speakers(situation: Situation) -> Iterator[tuple[ApplianceRecord, datetime]]:
    """The connected appliances that should report on the machine at rest, and when each did last."""
    machine, status = situation.machine, situation.status
    sides = [(situation.target, status.replica_at)] if machine.state in KNOWN_AT_TARGET else []
    if machine.state in KNOWN_AT_SOURCE:
        sides.append((situation.source, status.source_at))
    for appliance, said_at in sides:
        at = said_at or situation.missed_since
        if appliance is not None and appliance.connected and at is not None:
            yield appliance, at


def _certificates(situation: Situation, now: datetime) -> Iterator[HealthFinding]:
    """Certificates that were not renewed: an appliance renews its certificate when a third of its time is
    left; one with less was not renewed."""
    for appliance in (situation.source, situation.target):
        if appliance is None:
            continue
        late = _late_at(situation, appliance)
        if now > late:
            what = (
                f"The certificate of appliance '{appliance.name}' of site {appliance.site} ends on "
                f"{appliance.certificate_expires_at:%Y-%m-%d at %H:%M} UTC and was not renewed."
            )
            yield HealthFinding("certificate-not-renewed", what, late)


def _late_at(situation: Situation, appliance: ApplianceRecord) -> datetime:
    return appliance.certificate_expires_at - situation.certificate_lifetime * LEFT_WHEN_LATE


def _authority(situation: Situation, now: datetime) -> Iterator[HealthFinding]:
    ends_at, told_at = situation.ca_ends_at, _ca_told_at(situation)
    if told_at is not None and now > told_at:
        what = f"The vault's CA ends on {ends_at:%Y-%m-%d at %H:%M} UTC, and all certificates with it."
        yield HealthFinding("ca-ends", what, told_at)


def _ca_told_at(situation: Situation) -> datetime | None:
    return None if situation.ca_ends_at is None else situation.ca_ends_at - CA_TOLD_BEFORE


def _by_state(situation: Situation) -> Iterator[HealthFinding]:
    machine = situation.machine
    if machine.state not in HALF_WAY:
        return
    job = situation.last_failed
    since = (job.ended_at if job else None) or machine.failed_over_at or machine.created_at
    if machine.state is State.CANCEL_FAILED:
        what = f"Machine '{machine.name}' was left half-way between its two sites."
        if job is not None and automatic_cancel.is_passing(job):
            what += " Its cancel goes on by itself once its agent answers."
        yield HealthFinding("cancel-failed", what, since)
    else:
        yield HealthFinding("failover-failed", _half_way(machine, situation.status), since)


def _commits_itself(situation: Situation) -> Iterator[HealthFinding]:
    if situation.machine.state not in UNCOMMITTED:
        return
    for each in situation.commits:
        what = (
            f"Plan '{each.plan}' commits by itself, not before {each.at:%Y-%m-%d %H:%M} UTC: the checks of "
            f"all its machines have held since {each.since:%Y-%m-%d %H:%M} UTC."
        )
        typed = f"'secondsite plan keep-open {shell.arguments(each.plan)}'"
        instead = f"Nothing, if that is wanted. {typed} leaves this failover uncommitted."
        yield HealthFinding(health.COMMITS_ITSELF, what, each.since, instead=instead)


def _nowhere(situation: Situation) -> Iterator[HealthFinding]:
    """The machine should run at its target, whose appliance has no replica that it could run on, and so does
    not look for it."""
    machine = situation.machine
    if machine.state not in SHOULD_RUN or not lookup.is_forgotten(machine, situation.status):
        return
    what = f"{bring_up.forgotten(machine.name, machine.target_site)}. As far as is known it runs nowhere."
    yield HealthFinding(MISSING, what, machine.failed_over_at or machine.created_at)


def _at_two_hosts(situation: Situation) -> Iterator[HealthFinding]:
    """The machine is on at another host of its site, and its source's appliance goes on reporting that it
    runs there."""
    machine, status = situation.machine, situation.status
    came, source, at = status.came, status.source, situation.source
    if came is None or source is None or at is None or not at.connected:
        return
    if machine.state not in AT_HOME or source.epoch != machine.epoch or source.power != PowerState.RUNNING:
        return
    if came.last - came.since >= MIGRATED_WITHIN and status.source_at and status.source_at > came.since:
        what = (
            f"Machine '{machine.name}' runs at two hosts of site {machine.source_site}: at that of appliance "
            f"'{at.name}', from where it is replicated, and at that of appliance '{came.appliance}'."
        )
        yield HealthFinding(TWO_HOSTS, what, came.since)


def _moved_there(situation: Situation) -> Iterator[HealthFinding]:
    """The machine was failed over, and runs at another host there: somebody migrated it, or that host was
    given up and has come back. Then it may run at both."""
    machine, moved = situation.machine, situation.status.moved
    if machine.state not in SHOULD_RUN | HALF_WAY or moved is None:
        return
    name = situation.target.name if situation.target is not None else machine.target_appliance_id
    at_both = _runs_where_its_replica_is(situation, moved)
    what = (
        f"Machine '{machine.name}' runs at the host of appliance '{moved.appliance}' of site "
        f"{machine.target_site}{', too' if at_both else ''}. Its disks and points belong to appliance "
        f"'{name}'{', at whose host it runs as well' if at_both else ''}."
    )
    yield HealthFinding(TWO_HOSTS if at_both else MOVED, what, moved.since)


def _runs_where_its_replica_is(situation: Situation, moved: ArrivalRecord) -> bool:
    """Whether the machine is on at its target, too: its appliance there has looked since, and says so."""
    status, at = situation.status, situation.target
    replica, seen_at = status.replica, status.replica_at
    if replica is None or seen_at is None or at is None or not at.connected:
        return False
    is_seen = moved.last - moved.since >= MIGRATED_WITHIN and seen_at > moved.since
    return is_seen and "failover" in replica.runs and replica.power == PowerState.RUNNING


def _behind(situation: Situation) -> Iterator[HealthFinding]:
    """The vault was restored from before a failover: its record differs from what is."""
    machine, status = situation.machine, situation.status
    replica, dark = status.replica, _dark(situation)
    if replica is not None and lookup.is_behind(machine, replica):
        what = (
            f"Machine '{machine.name}' was failed over to site {machine.target_site}, and this vault knows "
            "nothing of it."
        )
        since = replica.processed_at or machine.created_at
        said = f"{dark}{_unordered(situation)}{what} {_way_on(machine, status)}"
        yield HealthFinding(BEHIND, said, since)
    elif ahead := lookup.epochs_behind(machine, status):
        yield HealthFinding(BEHIND, f"{dark}{_moved(machine, ahead)}", machine.created_at)
    elif (said := _unordered(situation)) and machine.state not in RUNS_AT_TARGET:
        yield HealthFinding(BEHIND, f"{dark}{said}", machine.created_at)
    elif rests_off(machine, status) and (
        machine.claimed_by is None or situation.seen_generation > machine.generation
    ):
        what = (
            f"{dark}Machine '{machine.name}' is off at site {machine.source_site}, and its replication "
            "is stopped by a later verb, of which this vault knows nothing. Nothing starts it by itself: "
            f"'secondsite machine failover {shell.arguments(machine.name)}' does, at {machine.target_site}; "
            f"or 'secondsite machine resynchronize {shell.arguments(machine.name)}' has it replicated again, "
            "and it can be started where it was."
        )
        since = (replica.processed_at if replica else None) or machine.created_at
        yield HealthFinding(BEHIND, what, since)


def _moved(machine: MachineRecord, ahead: int) -> str:
    sides = (machine.source_site, machine.target_site)
    site, other = reversed(sides) if ahead % 2 else sides
    return (
        f"Machine '{machine.name}' was moved since: site {site} replicates it in its epoch "
        f"{machine.epoch + ahead}, and this vault knows of epoch {machine.epoch}. What is shown of its "
        f"sites, points and RPO is of before. 'secondsite vault adopt APPLIANCE' takes it over as it is: for "
        f"the appliance of {other} first, then for that of {site}."
    )


def _dark(situation: Situation) -> str:
    """The beginning of the sentence if one of the sites does not answer, so that things may have changed."""
    sides = [each for each in (situation.source, situation.target) if each is not None and not each.connected]
    if not sides:
        return ""
    sites = " and ".join(dict.fromkeys(each.site for each in sides))
    return f"This was last heard before {sites} stopped answering, and may be otherwise by now. "


def _unordered(situation: Situation) -> str:
    """The sentence about two copies, one of which is only known from its appliance's report."""
    machine, status = situation.machine, situation.status
    if (
        not _is_said_to_run(machine, status.replica)
        or machine.start_ordered
        or _runs_at_source(status, machine) is None
    ):
        return ""
    return (
        f"The appliance of site {machine.target_site} reports that the machine runs there, and it "
        f"{_runs(status)} at site {machine.source_site} too. "
        "This vault ordered no such start: find out at both sites which copy is in use before you stop "
        "either. "
    )


def rests_off(machine: MachineRecord, status: StatusRecord) -> bool:
    """Whether the machine is off, kept from being replicated or started, as after its shutdown for a
    failover, and runs nowhere else: a vault that knows of no such verb was restored, or has adopted the
    machine from a vault that is gone."""
    source, replica = status.source, status.replica
    if machine.state is not State.PROTECTED or source is None or replica is None:
        return False
    if {source.epoch, replica.epoch} != {machine.epoch} or "failover" in replica.runs:
        return False
    return source.power == PowerState.OFF and (source.fenced or not source.running)


def _way_on(machine: MachineRecord, status: StatusRecord) -> str:
    committed = (
        next((each.id for each in status.replica.points if each.committed), None) if status.replica else None
    )
    if committed is None:
        asked = (
            f"'secondsite machine planned-failover {shell.arguments(machine.name)}' is refused, and names "
            "the point that its copy stands on"
        )
        return (
            f"{asked}; 'secondsite machine failover "
            f"{shell.arguments(machine.name, options='--point POINT')}' takes it over as it runs."
        )
    way = (
        "'secondsite machine failover "
        f"{shell.arguments(machine.name, options=f'--point {shlex.quote(committed)}')}' takes it over as it "
        "runs, then 'machine commit'"
    )
    turned = status.source is not None and status.source.epoch > machine.epoch
    return f"{way}{', and, since it is replicated back already, reprotect' if turned else ''}."


def _half_way(machine: MachineRecord, status: StatusRecord) -> str:
    site, known = machine.source_site, status.source
    source = (
        f"at site {site} it was last seen {known.power}"
        if known
        else f"whether it runs at site {site} is not known"
    )
    what = f"The failover of machine '{machine.name}' to site {machine.target_site} did not end: {source}."
    return f"{what} {_kept_off(machine)}" if known is not None and known.fenced else what


def _kept_off(machine: MachineRecord) -> str:
    cancel = f"secondsite machine cancel-failover {shell.arguments(machine.name)}"
    return (
        f"Until it is failed over again or that is cancelled ('{cancel}'), it does not start at site "
        f"{machine.source_site}, nor with its host."
    )


def _warned(situation: Situation) -> Iterator[HealthFinding]:
    warned = situation.machine.warned
    if warned is None or _is_of_before(situation.machine, warned.at):
        return
    sentences = (*warned.sentences, *_still_so(situation, warned.of_power))
    if sentences:
        yield HealthFinding("checked-with-warnings", " | ".join(sentences), warned.at)


def _is_of_before(machine: MachineRecord, at: datetime) -> bool:
    """Whether a check is from before the machine was moved. Once such advice led to starting an old copy, and
    two copies wrote."""
    return machine.state in _WENT_AWAY and machine.failed_over_at is not None and at <= machine.failed_over_at


def _still_so(situation: Situation, of_power: Mapping[str, str]) -> Iterator[str]:
    """The warnings that still hold for a machine that is replicated: elsewhere its source is an old copy."""
    machine, source = situation.machine, situation.status.source
    if machine.state not in REPLICATES:
        return
    of_this_way = source is not None and source.epoch == machine.epoch
    now = source.power if source and of_this_way and machine.state is not State.REPROTECTING else None
    yield from (said for power, said in of_power.items() if now in (None, power))


def _names(situation: Situation) -> Iterator[HealthFinding]:
    names = situation.machine.names
    if names is not None and names.problems:
        yield HealthFinding("names-elsewhere", " ".join(names.problems.values()), names.at)


def active_site(machine: MachineRecord) -> str:
    """Where the machine runs, or should run."""
    stopped_there = machine.state in STOPPING and machine.failed_over_point_id is not None
    at_target = machine.state in RUNS_AT_TARGET or stopped_there
    return machine.target_site if at_target else machine.source_site


def _addresses(situation: Situation) -> Iterator[HealthFinding]:
    """Addresses that differ, until the commit: whoever commits has seen the machine."""
    machine = situation.machine
    seen = machine.seen_addresses
    if (
        machine.state in UNCOMMITTED
        and seen is not None
        and seen.not_given
        and seen.site == machine.target_site
    ):
        yield HealthFinding("address-not-set", " ".join(seen.not_given), seen.at)
    if seen is not None and seen.site == active_site(machine):
        if seen.passing:
            yield HealthFinding("address-until-next-boot", " ".join(seen.passing), seen.at)
        if seen.not_restored:
            yield HealthFinding("network-not-restored", " ".join(seen.not_restored), seen.at)


def _not_reversed(situation: Situation) -> Iterator[HealthFinding]:
    machine, job = situation.machine, situation.last_failed
    if machine.state is State.COMMITTED and job is not None and job.name == Verb.REPROTECT.value:
        what = (
            f"Machine '{machine.name}' should have been protected back to site {machine.source_site} by "
            f"itself after its commit, but was not: {_message(job)}"
        )
        yield HealthFinding("reverse-replication-failed", what, job.ended_at or job.created_at)


def _not_settled(situation: Situation) -> Iterator[HealthFinding]:
    machine, job = situation.machine, situation.last_failed
    if machine.state not in HALF_WAY and job is not None and job.name == Verb.SETTLE.value:
        what = (
            f"The disks of machine '{machine.name}' should have moved to the site's own storage by "
            f"themselves after its commit, but did not: {_message(job)}"
        )
        yield HealthFinding("settle-failed", what, job.ended_at or job.created_at)


def _message(job: JobView) -> str:
    return "" if job.error is None else job.error.message


def _two_copies(situation: Situation) -> Iterator[HealthFinding]:
    machine = situation.machine
    # What the target's appliance runs counts in every state, whatever the vault believes; but not a start
    # that nobody ordered: on the report of one site alone people would stop what runs at the other.
    replica = situation.status.replica
    runs_there = _is_said_to_run(machine, replica) and machine.start_ordered
    if machine.state not in _TWO_COPIES and not (runs_there and machine.state is not State.REPROTECTING):
        return
    seen_at = _runs_at_source(situation.status, machine)
    if seen_at is not None and (machine.failed_over_at is None or seen_at > machine.failed_over_at):
        what = (
            f"Machine '{machine.name}' {_runs(situation.status)} at site {machine.source_site} although it "
            "was failed over."
        )
        yield HealthFinding(TWO_COPIES, what, _two_since(situation) or seen_at)


def _left_copy(situation: Situation) -> Iterator[HealthFinding]:
    """What is on at a site that the machine has left for a further one is a second copy in every state."""
    on = situation.status.left
    if on is not None:
        what = (
            f"Machine '{situation.machine.name}' is on at appliance '{on.appliance}', whose site it has left "
            "for a further one."
        )
        yield HealthFinding(TWO_COPIES, what, on.since)


def _two_since(situation: Situation) -> datetime | None:
    """Since when two copies run: the failover, or when the old copy was seen to come on after it."""
    machine, status = situation.machine, situation.status
    sides = (each for each in (status.source, status.old_copy) if each is not None and each.power in NOT_OFF)
    came_on = [each.on_since for each in sides if each.on_since is not None]
    return max((each for each in (machine.failed_over_at, *came_on) if each is not None), default=None)


def _is_said_to_run(machine: MachineRecord, replica: ReplicaStatus | None) -> bool:
    return replica is not None and "failover" in replica.runs and replica.epoch == machine.epoch


def _runs(status: StatusRecord) -> str:
    return NOT_OFF[_power_at_source(status) or PowerState.RUNNING]


def _power_at_source(status: StatusRecord) -> PowerState | None:
    """The last seen power state of whatever may write at the source; None if nothing was seen."""
    powers = [side.power for side in (status.source, status.old_copy) if side is not None]
    return next((power for power in NOT_OFF if power in powers), None)


def _runs_at_source(status: StatusRecord, machine: MachineRecord) -> datetime | None:
    """When the machine was last seen to run at its source. A source of a newer epoch was begun by a reprotect
    that was undone: that was the machine at its target."""
    source, old_copy = status.source, status.old_copy
    seen = []
    if old_copy is not None and old_copy.power in NOT_OFF:
        seen.append(status.old_copy_at)
    if source is not None and source.power in NOT_OFF and source.epoch == machine.epoch:
        seen.append(status.source_at)
    return max((at for at in seen if at is not None), default=None)
