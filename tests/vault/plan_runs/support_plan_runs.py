"""What tests of plan runs do and look at."""

from secondsite.domain.plans.actions import Action
from secondsite.jobs.model.asking import asks_now
from tests.vault.plan_runs.conftest import NAMES

TRAFFIC = Action("Traffic", "Move the traffic")


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
