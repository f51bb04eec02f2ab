"""Kill at every seam of runs of a plan: the plan goes round its lifecycle, and in each run one victim dies at
its next rung.

What a run may leave undone then is known: a script that was killed may have run, and is not repeated. A
planned failover stops there, and is run again, as it says."""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from chaos import sweep
from chaos.errors import PromiseBroken
from chaos.plans import party, running
from chaos.plans.drawing import drawn
from chaos.plans.party import MACHINES, Party
from chaos.plans.running import Beside
from chaos.sweep import Kill, Ladder, Say, Sweep
from chaos.walks.accidents import Accidents
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire import rest

SEAMS = (
    "vault job.children.before-commit",
    "vault job.children.committed",
    "vault job.remember.committed",
    "vault job.step.effect-done",
    "vault job.step.committed",
    "vault job.end.before-commit",
    "vault job.end.committed",
    "vault vault.evidence.drafted",
    "vault vault.evidence.written",
    "target appliance.script.noted",
    "target appliance.script.ended",
    "target appliance.network.entered",
    "target appliance.network.removed",
    "target appliance.run.created",
    "target appliance.proof.graded",
    "source appliance.machine.stopped",
)
"""Who dies at which: those that runs, questions, scripts, phases and drills pass, and that a ladder from
the first seam on comes to late."""
MOST_RUNS = 4
"""Of one verb: one that was hit, and one for each script that may have run."""
MAY_HAVE_RUN = "may have run"


@dataclass(frozen=True, slots=True)
class Station:
    """A verb for the whole plan, and where all its machines rest after it. `sites`: source and target
    before it."""

    name: str
    verb: Verb
    sites: tuple[str, str]
    state: State
    runs_at: str
    options: dict[str, object] = field(default_factory=dict)


V, S = Verb, State
_AWAY, _HOME = ("a", "b"), ("b", "a")
WAY = (
    Station("plan drill", V.TEST_FAILOVER, _AWAY, S.PROTECTED, "a", {"clean_up": True}),
    Station("plan drill that stays", V.TEST_FAILOVER, _AWAY, S.PROTECTED, "a"),
    Station("plan clean up", V.CLEANUP_TEST_FAILOVER, _AWAY, S.PROTECTED, "a"),
    Station("plan planned failover", V.PLANNED_FAILOVER, _AWAY, S.PLANNED_FAILED_OVER, "b"),
    Station("plan cancel", V.CANCEL_FAILOVER, _AWAY, S.PROTECTED, "a"),
    Station("plan failover", V.FAILOVER, _AWAY, S.FAILED_OVER, "b", {"shut_down_source": True}),
    Station("plan change point", V.CHANGE_RECOVERY_POINT, _AWAY, S.FAILED_OVER, "b"),
    Station("plan commit", V.COMMIT, _AWAY, S.COMMITTED, "b"),
    Station("plan reprotect", V.REPROTECT, _AWAY, S.PROTECTED, "b"),
    Station("plan failback", V.PLANNED_FAILOVER, _HOME, S.PLANNED_FAILED_OVER, "a"),
    Station("plan commit failback", V.COMMIT, _HOME, S.COMMITTED, "a"),
    Station("plan reprotect again", V.REPROTECT, _HOME, S.PROTECTED, "a"),
)


def run(plan: Ladder, *, within_seconds: float, say: Say = lambda _: None) -> Sweep:
    """Rounds until every ladder was climbed or the time is over (a round is finished). Stops at the first
    promise that breaks."""
    seen, began = Sweep(), time.monotonic()
    with party.opened(random.Random(0)) as on:
        for number in itertools.count():
            if plan.done or time.monotonic() - began > within_seconds:
                break
            try:
                for kill in _round(on, plan, number):
                    seen.kills.append(kill)
                    say(
                        f"{kill.station}: {kill.victim} {kill.n} {kill.hit or 'untouched'} "
                        f"{kill.seconds:.1f} s"
                    )
            except Exception as problem:
                seen.broken = f"{type(problem).__name__}: {problem}"
                say("\n".join([f"BROKEN {seen.broken}", *on.log[-30:]]))
                break
    return seen


def _round(on: Party, plan: Ladder, number: int) -> Iterator[Kill]:
    for station in WAY:
        chosen = plan(station, number)
        if chosen is None:
            _pass(on, station)
            continue
        victim, n = chosen
        who, _, seam = victim.partition(" ")
        file, began = sweep.arm(on.one.rig, station.sites, who, n, seam), time.monotonic()
        hit = None
        try:
            _pass(on, station)
        except Exception as problem:
            told = f"{station.name}, {victim} killed at seam {n} ({sweep.disarm(file)}): {problem}"
            raise PromiseBroken(told) from problem
        finally:
            hit = sweep.disarm(file)
        on.settle()
        kill = Kill(station.name, victim, n, hit, time.monotonic() - began, 0.0)
        if hit is None:
            plan.untouched(kill)
        yield kill


def _pass(on: Party, station: Station) -> None:
    """The verb for the plan until all have arrived; whatever stopped a run has to be a script that may
    have run."""
    for _ in range(MOST_RUNS):
        job = _run(on, station)
        on.settle()
        on.check()
        if job is None or _all_are_there(on, station):
            break
        _excused(on, job)
    if not _all_are_there(on, station):
        raise PromiseBroken(f"after {station.name}: {', '.join(_where(on))}")


def _run(on: Party, station: Station) -> rest.Job | None:
    """None: it is refused, since nothing is left to take."""
    calm = drawn("ladder", 0).calm()
    on.log.append(f"  {station.name}")
    return running.one_run(on, Beside(on, Accidents(on.one), calm), station.verb, station.options)


def _excused(on: Party, job: rest.Job) -> None:
    """Raises PromiseBroken unless the run says why it stopped, and that is a script."""
    if MAY_HAVE_RUN not in running.told(job):
        raise PromiseBroken(f"the run ended {job.state}: {on.one.rig.describe(job)}")


def _all_are_there(on: Party, station: Station) -> bool:
    return all(
        (each.state, each.runs_at) == (station.state, (station.runs_at,))
        for each in map(on.resting, MACHINES)
    )


def _where(on: Party) -> Iterator[str]:
    for each in map(on.resting, MACHINES):
        yield f"{each.machine} {each.state} at {'+'.join(each.runs_at) or 'none'}"
