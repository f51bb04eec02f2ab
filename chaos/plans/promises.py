"""What a run of a plan promises beside the promises of its machines, asked of what was seen of it. Pure: a
test can show each one broken.

Each raises PromiseBroken, which names the machines."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from chaos.errors import PromiseBroken
from chaos.plans.sightings import DRILL, Span
from secondsite.domain.lifecycle import Verb
from secondsite.ground.job_states import JobState

GOOD = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})
GOES_ON = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER})
"""Runs of these go on to their end, whatever fails."""
STARTS = GOES_ON | {Verb.PLANNED_FAILOVER}
REST_SECONDS = 120.0
"""From a cancel until the run and all its machines are at rest, when everybody is up."""


@dataclass(frozen=True, slots=True)
class Run:
    """One that has ended. `groups`: names of the machines that it took, in their order, and `to` the site
    where they go. `children`: how the job of each ended. `told`: all that the run says. `spans`: what ran
    from `began` (seconds since the epoch) on, until it had ended. `touched`: machines that somebody else
    acted on meanwhile; `cancelled`: somebody asked for that."""

    verb: Verb
    groups: tuple[tuple[str, ...], ...]
    to: str
    began: float
    ended: JobState
    children: Mapping[str, JobState]
    told: str
    spans: tuple[Span, ...]
    touched: frozenset[str] = frozenset()
    cancelled: bool = False

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(name for group in self.groups for name in group)

    def starts(self) -> Mapping[str, Span]:
        """The first start of each machine, or its drill, at the site where the run takes it; not of those
        that somebody else touched."""
        drill = DRILL if self.verb is Verb.TEST_FAILOVER else ""
        found: dict[str, Span] = {}
        for span in self.spans:
            name = span.machine.removesuffix(drill)
            meant = span.machine == f"{name}{drill}" and name in self.machines and name not in self.touched
            if meant and span.site == self.to and span.off_at >= self.began:
                found.setdefault(name, span)
        return found


@dataclass(frozen=True, slots=True)
class Resting:
    """A machine when no job is left: where it runs, what is said of it, and whether a person is asked
    about it."""

    machine: str
    state: str
    runs_at: tuple[str, ...]
    findings: tuple[str, ...]
    asked: bool = False


def ended_run(run: Run) -> None:
    """All that a run promises that has ended."""
    nothing_goes_on(run)
    if run.verb in STARTS:
        groups_in_order(run)
        one_way(run)
    if run.verb is Verb.PLANNED_FAILOVER:
        off_before_the_first_starts(run)
    if run.verb in GOES_ON and not run.cancelled:
        to_the_end(run)


def nothing_goes_on(run: Run) -> None:
    """No job of a machine outlives the run that started it."""
    left = sorted(name for name, state in run.children.items() if not state.ended)
    if left:
        raise PromiseBroken(
            f"the run of {run.verb} has ended {run.ended}, and these go on: {', '.join(left)}"
        )


def groups_in_order(run: Run) -> None:
    """No machine starts while one of an earlier group is still off that starts later; in a planned run
    none at all before all of the earlier groups have started."""
    starts = run.starts()
    for earlier, later in _pairs(run):
        if later not in starts or earlier in run.touched:
            continue
        if earlier in starts and starts[later].from_at < starts[earlier].off_at:
            ahead = starts[earlier].off_at - starts[later].from_at
            raise PromiseBroken(f"{run.verb}: {later} ran {ahead:.2f} s before {earlier} of an earlier group")
        if earlier not in starts and run.verb is Verb.PLANNED_FAILOVER:
            raise PromiseBroken(f"{run.verb}: {later} was started, {earlier} of an earlier group was not")


def off_before_the_first_starts(run: Run) -> None:
    """Of a planned run: nothing of it writes any more when its first machine starts."""
    starts = run.starts()
    if not starts:
        return
    first = min(starts.values(), key=lambda span: span.from_at)
    for span in run.spans:
        ours = span.machine in run.machines and span.machine not in run.touched
        if ours and span.site != run.to and span.from_at < first.off_at and span.until_at > first.from_at:
            raise PromiseBroken(f"{span.machine} still ran at {span.site} when {first.machine} had started")


def to_the_end(run: Run) -> None:
    """An unplanned run tries every machine, and names those that did not arrive."""
    missing = [name for name in run.machines if run.children.get(name) not in GOOD]
    skipped = sorted(set(run.machines) - set(run.children))
    if skipped:
        raise PromiseBroken(f"{run.verb} ended {run.ended} and never tried {', '.join(skipped)}")
    unsaid = [name for name in missing if name not in run.told]
    if unsaid:
        raise PromiseBroken(
            f"{run.verb} ended {run.ended} and does not say that these failed: {', '.join(unsaid)}"
        )
    if missing and run.ended is JobState.SUCCEEDED:
        raise PromiseBroken(f"{run.verb} succeeded without {', '.join(missing)}")
    if not missing and run.ended is JobState.FAILED:
        raise PromiseBroken(f"{run.verb} failed, and all its machines arrived")


def one_way(run: Run) -> None:
    """All that starts goes where the run takes it; whoever is not in the run starts nowhere, and goes no
    other way."""
    for span in run.spans:
        name = span.machine.removesuffix(DRILL)
        if span.off_at < run.began or name in run.touched or name in run.machines:
            continue
        raise PromiseBroken(f"{name} is not in the run of {run.verb}, and was started at {span.site}")


def same_direction(verb: Verb, from_sites: Mapping[str, str]) -> None:
    """Of a run that was accepted: all its machines leave the same site. `from_sites` says where each ran
    before."""
    if len(set(from_sites.values())) > 1:
        raise PromiseBroken(f"{verb} takes machines both ways: {dict(from_sites)}")


def scripts_once(ran: Iterable[tuple[str, int, str, str]], retries: Mapping[str, int]) -> None:
    """`ran`: run, group, when and action of each time that a script began; `retries`: how often a person
    retried a run."""
    for key, times in Counter(ran).items():
        if times > 1 + retries.get(key[0], 0):
            run, group, when, action = key
            raise PromiseBroken(f"script {action} {when} group {group} of run {run[:10]} ran {times} times")


def comes_to_rest(seconds: float, busy: Iterable[str]) -> None:
    """So long after a cancel these machines or runs still have a job."""
    left = sorted(busy)
    if left and seconds > REST_SECONDS:
        raise PromiseBroken(f"{seconds:.0f} s after a cancel these do not rest: {', '.join(left)}")


def runs_or_is_told(resting: Resting) -> None:
    """A machine that is off at both sites has a finding, or somebody is asked."""
    if not resting.runs_at and not resting.findings and not resting.asked:
        raise PromiseBroken(f"{resting.machine} is off at both sites ({resting.state}), and nothing says so")


def _pairs(run: Run) -> Iterator[tuple[str, str]]:
    """A machine, and one of a later group."""
    for before, after in combinations(run.groups, 2):
        yield from ((earlier, later) for earlier in before for later in after)
