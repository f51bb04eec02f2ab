"""Verbs in any order with orders that fail, are never answered, or meet an appliance that is away."""

import contextlib

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from secondsite.domain import errors, lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.jobs.model import failures
from secondsite.vault.steps.sides import orders
from tests.support import random_walks
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = pytest.mark.slow

ALLOWED = st.runner().flatmap(lambda walk: st.sampled_from(walk.allowed()))
REFUSED = st.runner().flatmap(lambda walk: st.sampled_from(walk.refused()))
NTH = st.integers(0, 9)
SITES = {A: "a", B: "b"}
WITHOUT_SITE = {
    Verb.COMMIT,
    Verb.CANCEL_FAILOVER,
    Verb.DISABLE_PROTECTION,
    Verb.CLEANUP_TEST_FAILOVER,
}
RESTING = {state for state in State if not lifecycle.is_moving(state)}


@pytest.fixture(autouse=True)
def _leaps(monkeypatch):
    """Time passes here in leaps of up to a day, in which no step forgets how long it has waited."""
    monkeypatch.setattr(orders, "FORGOTTEN_AFTER_SECONDS", 100 * 86400)


class AnyVerb(RuleBasedStateMachine):
    """Whatever happens: jobs end, states stay in the table, the machine is never lost between two verbs,
    and no order of the vault lets a second copy of it run."""

    verbs: Verbs

    @initialize()
    def begin(self):
        self.folder = folder_in_memory()
        self.verbs = Verbs(self.folder.name)
        self.verbs.protect()

    def teardown(self):
        if hasattr(self, "verbs"):
            self.verbs.close()
            self.folder.cleanup()

    @rule(verb=ALLOWED)
    def all_goes_well(self, verb):
        self.take(verb)

    @rule(verb=ALLOWED, nth=NTH, times=st.integers(1, 3))
    def an_order_fails(self, verb, nth, times):
        self.verbs.appliances.at_order(nth, lambda kind: self.verbs.appliances.fail(kind, times))
        self.take(verb)

    @rule(verb=ALLOWED, nth=NTH)
    def an_order_is_never_answered(self, verb, nth):
        self.verbs.appliances.at_order(nth, self.verbs.appliances.silent.add)
        self.take(verb)

    @rule(verb=ALLOWED, nth=NTH)
    def an_order_is_carried_out_and_never_reported(self, verb, nth):
        self.verbs.appliances.at_order(nth, self.verbs.appliances.unheard.add)
        self.take(verb)

    @rule(verb=ALLOWED, site=st.sampled_from((A, B)))
    def an_appliance_is_away(self, verb, site):
        self.verbs.appliances.away.add(site)
        self.take(verb)

    @rule(verb=ALLOWED, site=st.sampled_from((A, B)))
    def a_site_is_destroyed_and_given_up(self, verb, site):
        """What stands there when it is built again is as empty."""
        self.verbs.appliances.destroy(site)
        with contextlib.suppress(errors.InvalidArgument):
            self.take(verb, **({"without_site": SITES[site]} if verb in WITHOUT_SITE else {}))
        self.verbs.appliances.mend()
        self.verbs.rest()

    @rule(verb=REFUSED)
    def a_verb_is_refused(self, verb):
        """Before there is a job."""
        jobs = len(self.verbs.jobs())
        with pytest.raises((errors.NotPossibleNow, errors.NotFound, errors.AlreadyExists)):
            self.verbs.submit(verb, **self.arguments(verb))
        assert len(self.verbs.jobs()) == jobs

    @rule(back=st.integers(0, 5))
    def a_job_that_failed_is_retried(self, back):
        """The last one, or one from long ago, which must not act on what it knew then."""
        failed = [job for job in self.verbs.jobs() if job.state == "failed"]
        if failed:
            with contextlib.suppress(failures.Refused, errors.NotFound):
                self.verbs.retry(failed[min(back, len(failed) - 1)].id)
            self.verbs.rest()

    def take(self, verb, **more):
        """Start it, let its job end whatever happens, then let all that was broken be well again."""
        try:
            job = self.verbs.submit(verb, **self.arguments(verb), **more)
            self.verbs.settle(job, within_seconds=90 * 86400)
        except errors.AlreadyExists:
            assert verb is Verb.INCLUDE_DISK
        self.verbs.appliances.mend()
        self.verbs.rest()

    def arguments(self, verb):
        machine = self.verbs.machine()
        if verb is Verb.CHANGE_RECOVERY_POINT and machine:
            return {"point": self.verbs.appliances.points[machine.id, machine.epoch][0].id}
        return {"disks": ("vdb",)} if verb in (Verb.INCLUDE_DISK, Verb.EXCLUDE_DISK) else {}

    def allowed(self):
        machine = self.verbs.machine()
        drill = machine.drill_state if machine else DrillState.NONE
        return lifecycle.allowed_operations(self.verbs.state(), drill)

    def refused(self):
        return [verb for verb in Verb if verb not in self.allowed()]

    @invariant()
    def check(self):
        if self.verbs is None:
            return
        assert not self.verbs.appliances.copies.two
        machine = self.verbs.machine()
        if machine is None:
            return
        assert machine.state in RESTING
        assert machine.job_id is None
        assert machine.drill_state not in (DrillState.STARTING, DrillState.CLEANING)
        assert lifecycle.allowed_operations(machine.state, machine.drill_state), "no way leads on"


KEPT = [
    # the job that stops the source later outlived the time in which the test let all come to rest
    [("an_appliance_is_away", {"verb": Verb.DISABLE_PROTECTION, "site": A})],
    # every order of a planned failover in turn: whatever is lost, one copy runs
    *(
        [(rule, {"verb": Verb.PLANNED_FAILOVER, "nth": nth}), ("all_goes_well", {"verb": Verb.FAILOVER})]
        for rule in ("an_order_is_never_answered", "an_order_is_carried_out_and_never_reported")
        for nth in range(8)
    ),
]
"""Ways that failed once, or might; what hypothesis prints of a failing way can be put here as it is."""


@pytest.mark.timeout(600)  # a way that fails is made shorter first
def test_no_way_of_verbs_and_faults_loses_the_machine_or_runs_it_twice():
    random_walks.walk(
        AnyVerb,
        "tests/vault/operations/test_at_random.py",
        max_examples=20,
        stateful_step_count=10,
        deadline=None,
    )


@pytest.mark.parametrize("way", KEPT)
def test_a_way_that_failed_once_does_not_fail_again(way):
    random_walks.again(AnyVerb, way)
