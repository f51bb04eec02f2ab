"""A database that does not answer for a moment is no problem of a hook's: what runs at a site is waited
for all the same."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.operations.hooks.support_hooks import GIVE, STOPS, hook, ran
from tests.vault.support_appliances import A, B
from tests.vault.support_busy import Busy

READINGS = 12
"""More than a look at a hook takes."""


@pytest.mark.parametrize("nth", range(1, READINGS))
@pytest.mark.parametrize("away", [False, True])
def test_a_hook_that_runs_is_waited_for_while_the_database_does_not_answer(hooked, nth, away):
    hook(hooked, STOPS, GIVE)
    hooked.appliances.late.add(Kind.RUN_SCRIPT)
    job_id = hooked.submit(Verb.PLANNED_FAILOVER)
    hooked.engine.run_until_idle()
    if away:
        hooked.appliances.away.add(A)
    with Busy(hooked, nth).armed():
        for _ in range(3):
            hooked.clock.pass_by(3)
            hooked.engine.run_until_idle()
    hooked.appliances.away.clear()
    hooked.appliances.late.clear()
    hooked.appliances.arrive()
    assert hooked.settle(job_id).job.state == "succeeded"
    assert (hooked.state(), ran(hooked)) == (
        State.PLANNED_FAILED_OVER,
        [(A, "take-address"), (B, "give-address")],
    )
