"""Runs of a plan in any order, with orders that fail or are never answered, cancels, restarts, and verbs
on single machines in between."""

import contextlib

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from secondsite.domain import errors, lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.plans import run_selection
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.directions import Direction
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.jobs.model import failures
from secondsite.jobs.model.asking import asks_now
from tests.support import random_walks
from tests.vault.plan_runs.conftest import members
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = pytest.mark.slow

NAMES = ("db01", "web01", "web02")
RUNS = st.sampled_from(run_selection.VERBS)
SINGLE = st.sampled_from([verb for verb in run_selection.VERBS if verb is not Verb.CHANGE_RECOVERY_POINT])
ONE = st.sampled_from(NAMES)
WAY = st.sampled_from((None, *Direction))
NTH = st.integers(0, 12)
RESTING = {state for state in State if not lifecycle.is_moving(state)}
ASK = Action("Look", "Look at it")


class AnyPlan(RuleBasedStateMachine):
    """Whatever happens: runs end, every machine comes to rest, and no order of the vault lets a second
    copy of one run."""

    verbs: Verbs

    @initialize()
    def begin(self):
        self.folder = folder_in_memory()
        self.verbs = Verbs(self.folder.name, NAMES)
        self.verbs.protect(*NAMES)
        groups = PlanGroup(members(self.verbs, NAMES[:1])), PlanGroup(members(self.verbs, NAMES[1:]))
        self.plan = RecoveryPlan("shop", groups)
        asking = PlanGroup(groups[0].machines, after=(ASK,))
        self.asking = RecoveryPlan("shop", (asking, groups[1]))

    def teardown(self):
        if hasattr(self, "verbs"):
            self.verbs.close()
            self.folder.cleanup()

    @rule(verb=RUNS, way=WAY)
    def all_goes_well(self, verb, way):
        self.run(verb, way)

    @rule(verb=RUNS, way=WAY, nth=NTH, times=st.integers(1, 3))
    def an_order_fails(self, verb, way, nth, times):
        self.verbs.appliances.at_order(nth, lambda kind: self.verbs.appliances.fail(kind, times))
        self.run(verb, way)

    @rule(verb=RUNS, way=WAY, nth=NTH, silent=st.booleans())
    def an_order_is_not_answered(self, verb, way, nth, silent):
        appliances = self.verbs.appliances
        appliances.at_order(nth, (appliances.silent if silent else appliances.unheard).add)
        self.run(verb, way)

    @rule(verb=RUNS, way=WAY, site=st.sampled_from((A, B)))
    def an_appliance_is_away(self, verb, way, site):
        self.verbs.appliances.away.add(site)
        self.run(verb, way)

    @rule(
        verb=RUNS, way=WAY, other=SINGLE, name=ONE, restart=st.booleans(),
        ends=st.sampled_from(("done", "failed", "cancel")),
    )  # fmt: skip
    def somebody_else_acts_while_it_asks(self, verb, way, other, name, restart, ends):
        """Between the groups, with a restart or without; then it goes on, stops or is cancelled."""
        job_id = self.submit(verb, way, self.asking)
        if job_id is None or not self.until_it_asks(job_id):
            self.rest()
            return
        with contextlib.suppress(errors.NotPossibleNow, errors.NotFound, errors.InvalidArgument):
            other_job = self.verbs.submit(other, name)
            self.until(lambda: self.verbs.tree(other_job).job.state.ended)
        if restart:
            self.verbs.close()
            self.verbs.open()
            assert self.until_it_asks(job_id)
        self.end(job_id, ends)
        self.rest()

    @rule(
        sync=st.sampled_from(("before", "during")), nth=NTH, times=st.integers(0, 3),
        ends=st.sampled_from(("complete", "cancel")), restart=st.booleans(),
    )  # fmt: skip
    def it_comes_home_without_being_protected_back(self, sync, nth, times, ends, restart):
        """With an order that fails now and then, and a question on the way."""
        for verb in (Verb.FAILOVER, Verb.COMMIT):
            self.run(verb, None)
        if times:
            self.verbs.appliances.at_order(nth, lambda kind: self.verbs.appliances.fail(kind, times))
        job_id = self.submit(Verb.PLANNED_FAILOVER, None, self.plan, data_sync=sync)
        if job_id is not None and self.until_it_asks(job_id):
            if restart:
                self.verbs.close()
                self.verbs.open()
                assert self.until_it_asks(job_id)
            self.end(job_id, ends)
        self.rest()

    def end(self, job_id, ends):
        if ends == "cancel":
            with self.verbs.store.transaction() as tx:
                self.verbs.engine.cancel(tx.session, job_id)
        else:
            self.verbs.answer(job_id, ends)
        self.verbs.settle(job_id)

    @rule(name=ONE, verb=SINGLE)
    def a_machine_is_moved_by_itself(self, name, verb):
        with contextlib.suppress(errors.NotPossibleNow, errors.NotFound, errors.InvalidArgument):
            self.verbs.run(verb, name)
        self.rest()

    @rule(back=st.integers(0, 8))
    def a_job_that_failed_is_retried(self, back):
        failed = [job for job in self.verbs.jobs() if job.state == "failed"]
        if failed:
            with contextlib.suppress(failures.Refused, errors.NotFound):
                self.retry(failed[min(back, len(failed) - 1)].id)
            self.rest()

    def retry(self, job_id):
        """A run that a person stopped asks again."""
        with self.verbs.store.transaction() as tx:
            self.verbs.engine.retry(tx.session, job_id)
        while self.until_it_asks(job_id):
            (asking,) = [task for task in self.verbs.tree(job_id).tasks if asks_now(task)]
            self.verbs.answer(job_id, "complete" if asking.key == "complete" else "done")

    def run(self, verb, way):
        job_id = self.submit(verb, way, self.plan)
        if job_id is not None:
            self.verbs.settle(job_id, within_seconds=90 * 86400)
        self.rest()

    def submit(self, verb, way, plan, **options):
        """None, and no job, if it is refused."""
        before = len(self.verbs.jobs())
        try:
            return self.verbs.submit_plan(verb, plan, direction=way, **self.options(verb), **options)
        except (errors.NotPossibleNow, errors.NotFound):
            assert len(self.verbs.jobs()) == before
            return None

    def options(self, verb):
        return {"choice": "latest_processed"} if verb is Verb.CHANGE_RECOVERY_POINT else {}

    def until_it_asks(self, job_id):
        def asks():
            tree = self.verbs.tree(job_id)
            return tree.job.state.ended or any(asks_now(task) for task in tree.tasks)

        self.until(asks)
        return not self.verbs.tree(job_id).job.state.ended

    def until(self, fact):
        for _ in range(2000):
            self.verbs.engine.run_until_idle()
            if fact():
                return
            self.verbs.clock.pass_by(5)
        raise AssertionError(f"nothing moves: {self.verbs.jobs()[:3]}")

    def rest(self):
        self.verbs.appliances.mend()
        self.verbs.rest()

    @invariant()
    def check(self):
        if not hasattr(self, "verbs"):
            return
        assert not self.verbs.appliances.copies.two
        for name in NAMES:
            machine = self.verbs.machine(name)
            assert machine.state in RESTING
            assert machine.job_id is None
            assert machine.drill_state not in (DrillState.STARTING, DrillState.CLEANING)


@pytest.mark.timeout(600)  # a way that fails is made shorter first
def test_no_way_of_runs_and_faults_leaves_a_machine_between_two_sites_or_runs_it_twice():
    random_walks.walk(
        AnyPlan,
        "tests/vault/plan_runs/test_at_random.py",
        max_examples=15,
        stateful_step_count=10,
        deadline=None,
    )
