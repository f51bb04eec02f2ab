"""Verbs in any order with orders that fail, are never answered, or meet an appliance that is away."""

import contextlib

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from secondsite.domain import errors, lifecycle
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.jobs import failures
from secondsite.wire.orders import Kind
from tests.vault.support_operations import A, B, Verbs, folder_in_memory

BREAKABLE = sorted(set(Kind) - {Kind.SET_SITE, Kind.UPDATE_POLICY, Kind.DROP_POINT, Kind.VERIFY_POINT})
RESTING = {state for state in State if not lifecycle.is_moving(state)}


class AnyVerb(RuleBasedStateMachine):
    """Whatever happens: jobs end, states stay in the table, and the machine is never lost between two verbs."""

    @initialize()
    def a_protected_machine(self):
        self.folder = folder_in_memory()
        self.verbs = Verbs(self.folder.name)
        self.verbs.protect()

    def teardown(self):
        if hasattr(self, "verbs"):
            self.verbs.close()
            self.folder.cleanup()

    @rule(verb=st.sampled_from(sorted(Verb)))
    def all_goes_well(self, verb):
        self.try_verb(verb)

    @rule(verb=st.sampled_from(sorted(Verb)), kind=st.sampled_from(BREAKABLE), times=st.integers(1, 3))
    def an_order_fails(self, verb, kind, times):
        self.verbs.appliances.fail(kind, times)
        self.try_verb(verb)
        self.verbs.appliances.mend()
        self.verbs.rest()

    @rule(verb=st.sampled_from(sorted(Verb)), kind=st.sampled_from(BREAKABLE))
    def an_order_is_never_answered(self, verb, kind):
        self.verbs.appliances.silent.add(kind)
        self.try_verb(verb)
        self.verbs.appliances.mend()
        self.verbs.rest()

    @rule(verb=st.sampled_from(sorted(Verb)), site=st.sampled_from((A, B)))
    def an_appliance_is_away(self, verb, site):
        self.verbs.appliances.away.add(site)
        self.try_verb(verb)
        self.verbs.appliances.mend()
        self.verbs.rest()

    @rule()
    def the_last_job_is_retried(self):
        job = next((job for job in self.verbs.jobs() if job.state == "failed"), None)
        if job is not None:
            with contextlib.suppress(failures.Refused):
                self.verbs.retry(job.id)
            self.verbs.rest()

    def try_verb(self, verb):
        """What the table allows is taken, what it does not allow is refused."""
        machine = self.verbs.machine()
        drill = machine.drill_state if machine else DrillState.NONE
        allowed = lifecycle.allowed_operations(self.verbs.state(), drill)
        arguments = {}
        if verb is Verb.CHANGE_RECOVERY_POINT and machine:
            arguments["point"] = self.verbs.appliances.points[machine.id, machine.epoch][0].id
        if verb in (Verb.INCLUDE_DISK, Verb.EXCLUDE_DISK):
            arguments["disks"] = ("vdb",)
            if machine and verb is Verb.INCLUDE_DISK and "vdb" in machine.disks:
                return
        try:
            job = self.verbs.submit(verb, **arguments)
        except (errors.NotPossibleNow, errors.NotFound, errors.AlreadyExists):
            assert machine is None or verb not in allowed
            return
        assert verb in allowed
        self.verbs.settle(job, within_seconds=60 * 86400)

    @invariant()
    def it_rests_in_a_state_of_the_table(self):
        machine = self.verbs.machine() if hasattr(self, "verbs") else None
        if machine is not None:
            assert machine.state in RESTING
            assert machine.job_id is None
            assert machine.drill_state not in (DrillState.STARTING, DrillState.CLEANING)

    @invariant()
    def a_way_leads_on(self):
        machine = self.verbs.machine() if hasattr(self, "verbs") else None
        if machine is not None:
            assert lifecycle.allowed_operations(machine.state, machine.drill_state)


# Without the phase that explains failures: it traces every line, five times as slow.
AnyVerb.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
TestAnyVerb = AnyVerb.TestCase
