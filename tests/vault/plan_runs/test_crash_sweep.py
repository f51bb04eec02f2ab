"""A vault that dies at seams all along a plan's run, at one each time: the run comes to the same end.

Children are counted, and which machines run where; a question is asked and answered on the way.
"""

import itertools

import pytest

from rig.dying import Killed
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.ground import seams
from secondsite.jobs.model.asking import asks_now
from tests.vault.plan_runs.conftest import members
from tests.vault.plan_runs.support_plan_runs import TRAFFIC
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.longest]
NAMES = ("db01", "web01")
FIRST, EVERY = 2, 9
"""A run has up to 146 seams."""


class Fuse:
    """Dies at the n-th seam that is reached."""

    def __init__(self, nth):
        self.left = nth
        self.at = None

    def __call__(self, name):
        self.left -= 1
        if self.left == 0:
            self.at = name
            raise Killed(name)


class Told:
    """A run from its request to its end, by vaults that may die."""

    def __init__(self, verbs, verb, ends):
        self.verbs, self.verb, self.ends = verbs, verb, ends
        groups = PlanGroup(members(verbs, NAMES[:1]), after=(TRAFFIC,)), PlanGroup(members(verbs, NAMES[1:]))
        self.plan = RecoveryPlan("shop", groups)
        self.job_id = None

    def tell(self):
        for _ in range(600):
            try:
                if self._step():
                    return self.verbs.tree(self.job_id)
            except Killed:
                self.verbs.close()
                self.verbs.open()
            self.verbs.clock.pass_by(5)
        raise AssertionError(f"it does not end: {self.verbs.tree(self.job_id)}")

    def _step(self):
        if self.job_id is None:
            self.job_id = self.verbs.submit_plan(self.verb, self.plan)
        self.verbs.engine.run_until_idle()
        tree = self.verbs.tree(self.job_id)
        if any(asks_now(task) for task in tree.tasks) and not tree.job.cancel_requested:
            self._end()
        return tree.job.state.ended and all(job.state.ended for job in self.verbs.jobs())

    def _end(self):
        if self.ends == "answer":
            self.verbs.answer(self.job_id, "done")
            return
        with self.verbs.store.transaction() as tx:
            self.verbs.engine.cancel(tx.session, self.job_id)


ENDS = {
    (Verb.FAILOVER, "answer"): ("succeeded", [State.FAILED_OVER] * 2, [DrillState.NONE] * 2, 2),
    (Verb.PLANNED_FAILOVER, "answer"): (
        "succeeded", [State.PLANNED_FAILED_OVER] * 2, [DrillState.NONE] * 2, 2,
    ),
    (Verb.PLANNED_FAILOVER, "cancel"): (
        "cancelled", [State.PLANNED_FAILED_OVER, State.PROTECTED], [DrillState.NONE] * 2, 2,
    ),
    (Verb.FAILOVER, "cancel"): ("cancelled", [State.FAILED_OVER, State.PROTECTED], [DrillState.NONE] * 2, 1),
    (Verb.TEST_FAILOVER, "answer"): ("succeeded", [State.PROTECTED] * 2, [DrillState.RUNNING] * 2, 2),
    (Verb.TEST_FAILOVER, "cancel"): ("cancelled", [State.PROTECTED] * 2, [DrillState.NONE] * 2, 2),
}  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("verb", "ends"), list(ENDS))
def test_death_at_a_seam_changes_nothing_in_the_end(verb, ends):
    state, where, drills, children = ENDS[verb, ends]
    for nth in itertools.count(FIRST, EVERY):
        with folder_in_memory() as folder:
            verbs, fuse = Verbs(folder, NAMES), Fuse(nth)
            verbs.protect(*NAMES)
            with seams.armed(fuse):
                run = Told(verbs, verb, ends).tell()
            assert run.job.state == state, (fuse.at, run)
            assert [verbs.state(name) for name in NAMES] == where, fuse.at
            assert [verbs.machine(name).drill_state for name in NAMES] == drills, fuse.at
            assert len(run.children) == children, fuse.at
            assert not verbs.appliances.copies.two, fuse.at
            assert all(verbs.machine(name).job_id is None for name in NAMES), fuse.at
            verbs.close()
        if fuse.at is None:
            break
    assert nth > 40
