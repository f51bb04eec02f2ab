"""A run of a plan of two machines, from its request to its end, by vaults that may die at one of their
seams."""

from rig.dying import Killed
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.jobs.model.asking import asks_now
from tests.vault.plan_runs.conftest import members
from tests.vault.plan_runs.support_plan_runs import TRAFFIC

NAMES = ("db01", "web01")


class Told:
    """A run from its request to its end, by vaults that may die."""

    def __init__(self, verbs, verb, ends, **options):
        self.verbs, self.verb, self.ends, self.options = verbs, verb, ends, options
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
            self.job_id = self.verbs.submit_plan(self.verb, self.plan, **self.options)
        self.verbs.engine.run_until_idle()
        tree = self.verbs.tree(self.job_id)
        asking = [task for task in tree.tasks if asks_now(task)]
        if asking and not tree.job.cancel_requested:
            self._end(asking[0])
        return tree.job.state.ended and all(job.state.ended for job in self.verbs.jobs())

    def _end(self, asking):
        if self.ends == "answer":
            self.verbs.answer(self.job_id, "complete" if asking.key == "complete" else "done")
            return
        with self.verbs.store.transaction() as tx:
            self.verbs.engine.cancel(tx.session, self.job_id)
