"""What a run of a plan promises: each promise breaks when it is told of what must not be, and keeps still
when all is well."""

from dataclasses import replace

import pytest

from chaos.errors import PromiseBroken
from chaos.plans import promises
from chaos.plans.promises import Resting, Run
from chaos.plans.sightings import Span, Watch
from secondsite.domain.lifecycle import Verb
from secondsite.ground.job_states import JobState

GROUPS = (("db01",), ("app01", "app02"), ("web01",))
NAMES = tuple(name for group in GROUPS for name in group)
AT_SOURCE = tuple(Span(name, "a", 0.0, 1.0, 11.0) for name in NAMES)
STARTS = {"db01": (12.0, 12.1), "app01": (13.0, 13.1), "app02": (13.0, 13.2), "web01": (14.0, 14.1)}


def started(**at):
    """One after the other at site b, but for those that are told otherwise; None: not at all."""
    when = {name: span for name, span in {**STARTS, **at}.items() if span is not None}
    return tuple(Span(name, "b", off_at, from_at, 20.0) for name, (off_at, from_at) in when.items())


ALL = (*AT_SOURCE, *started())


def run(verb=Verb.PLANNED_FAILOVER, spans=ALL, **other):
    children = dict.fromkeys(NAMES, JobState.SUCCEEDED)
    known = Run(verb, GROUPS, "b", 10.0, JobState.SUCCEEDED, children, "4 of 4 machines", spans)
    return replace(known, **other)


def failed(name, **other):
    children = {**dict.fromkeys(NAMES, JobState.SUCCEEDED), name: JobState.FAILED}
    told = f"3 of 4 machines; not: {name}"
    return run(
        Verb.FAILOVER, **{"children": children, "ended": JobState.PARTIALLY_SUCCEEDED, "told": told, **other}
    )


WELL = (
    run(),
    run(Verb.FAILOVER),
    failed("app01", spans=started(app01=None)),
    run(spans=(*AT_SOURCE, *started(db01=(12.9, 13.05))), touched=frozenset({"db01"})),
    run(spans=(*AT_SOURCE, *started(app01=(13.3, 13.4)))),
    run(Verb.FAILOVER, ended=JobState.CANCELLED, children={"db01": JobState.SUCCEEDED}, cancelled=True),
)


@pytest.mark.parametrize("seen", WELL)
def test_a_run_that_keeps_its_promises_breaks_none(seen):
    promises.ended_run(seen)


BROKEN = {
    "ran 1.90 s before db01 of an earlier group": run(spans=(*AT_SOURCE, *started(db01=(15.0, 15.1)))),
    "ran 1.80 s before app02 of an earlier group": run(
        Verb.FAILOVER, spans=started(app02=(15.9, 16.0))
    ),
    "app02 of an earlier group was not": run(spans=(*AT_SOURCE, *started(app02=None))),
    "web01 still ran at a when db01 had started": run(
        spans=(*AT_SOURCE[:3], Span("web01", "a", 0.0, 1.0, 13.0), *started())
    ),
    "these go on: app02": failed("app02",
    children={**dict.fromkeys(NAMES, JobState.SUCCEEDED), "app02": JobState.RUNNING}),
    "never tried web01": run(Verb.FAILOVER, children=dict.fromkeys(NAMES[:3], JobState.SUCCEEDED)),
    "does not say that these failed: app01": failed("app01", told="3 of 4 machines"),
    "succeeded without app01": failed("app01", ended=JobState.SUCCEEDED),
    "all its machines arrived": run(Verb.FAILOVER, ended=JobState.FAILED),
    "log01 is not in the run": run(spans=(*AT_SOURCE, *started(), Span("log01", "a", 12.0, 12.1, 20.0))),
}  # fmt: skip


@pytest.mark.parametrize("told", BROKEN)
def test_a_run_that_breaks_a_promise_is_told(told):
    with pytest.raises(PromiseBroken, match=told):
        promises.ended_run(BROKEN[told])


def test_machines_of_two_sites_are_not_taken_by_one_run():
    promises.same_direction(Verb.FAILOVER, {"db01": "a", "web01": "a"})
    with pytest.raises(PromiseBroken, match="both ways"):
        promises.same_direction(Verb.FAILOVER, {"db01": "a", "web01": "b"})


def test_a_script_runs_once_for_each_run_and_once_more_for_each_retry():
    once = ("run1", 2, "before", "Note")
    promises.scripts_once([once, ("run1", 3, "after", "Note"), ("run2", 2, "before", "Note")], {})
    promises.scripts_once([once, once], {"run1": 1})
    with pytest.raises(PromiseBroken, match="ran 2 times"):
        promises.scripts_once([once, once], {"run2": 1})


def test_a_cancel_leads_to_rest():
    promises.comes_to_rest(promises.REST_SECONDS - 1, ["db01"])
    promises.comes_to_rest(promises.REST_SECONDS + 1, [])
    with pytest.raises(PromiseBroken, match="do not rest: db01"):
        promises.comes_to_rest(promises.REST_SECONDS + 1, ["db01"])


@pytest.mark.parametrize("told", [{"runs_at": ("a",)}, {"findings": ("not-running",)}, {"asked": True}])
def test_a_machine_that_is_off_at_both_sites_is_told_of(told):
    silent = Resting("db01", "protected", (), ())
    promises.runs_or_is_told(replace(silent, **told))
    with pytest.raises(PromiseBroken, match="off at both sites"):
        promises.runs_or_is_told(silent)


def test_a_watch_knows_an_instant_from_both_sides():
    watch = Watch(("db01",), {})
    for running, before, after in (
        (set(), 1.0, 1.1),
        ({"db01"}, 2.0, 2.1),
        ({"db01"}, 3.0, 3.1),
        (set(), 4.0, 4.1),
    ):
        watch.saw("b", running, before, after)
    assert watch.spans(0.0) == (Span("db01", "b", off_at=1.0, from_at=2.1, until_at=3.0),)
    assert watch.spans(3.5) == ()
