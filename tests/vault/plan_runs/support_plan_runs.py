"""What tests of plan runs do and look at."""

from rig.dying import Killed
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.jobs.model.asking import asks_now
from tests.vault.plan_runs.conftest import NAMES, members

TRAFFIC = Action("Traffic", "Move the traffic")
TWO = ("db01", "web01")
"""Machines of a plan that a vault dies with."""


def states(verbs):
    return [verbs.state(name) for name in NAMES]


def until_asked(verbs, job_id):
    until(verbs, lambda: asks(verbs, job_id))


def asks(verbs, job_id):
    return any(asks_now(task) for task in verbs.tree(job_id).tasks)


def until(verbs, fact):
    """Seconds pass, not days: people are waited for."""
    for _ in range(300):
        verbs.engine.run_until_idle()
        if fact():
            return
        verbs.clock.pass_by(1)
    raise AssertionError("it did not come true")


def cancel(verbs, job_id):
    with verbs.store.transaction() as tx:
        verbs.engine.cancel(tx.session, job_id)


def when_asked(verbs, kind, happens):
    """Once, after the first order of that kind."""
    ask, done = verbs.appliances.ask, set[str]()

    def asked(appliance_id, order_id, given, *arguments, **options):
        answer = ask(appliance_id, order_id, given, *arguments, **options)
        if given == kind and not done:
            done.add(given)
            happens()
        return answer

    verbs.appliances.ask = asked


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
        groups = PlanGroup(members(verbs, TWO[:1]), after=(TRAFFIC,)), PlanGroup(members(verbs, TWO[1:]))
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
