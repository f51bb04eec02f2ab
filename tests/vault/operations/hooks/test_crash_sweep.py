"""A vault that dies at seams all along a job with hooks, at one each time: each script ran once, and the
machine is where it belongs."""

import itertools

import pytest

from rig.dying import Fuse, Killed
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.ground import seams
from tests.vault.operations.hooks.support_hooks import GIVE, GOOD, TAKE, hook, ran
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.longest]
STRIDE, STRIDE_OF_ALL = 12, 4
ENDS = {
    Verb.PLANNED_FAILOVER: ({}, State.PLANNED_FAILED_OVER, [(A, "take-address"), (B, "give-address")]),
    Verb.TEST_FAILOVER: (
        {"network": "create", "clean_up": True},
        State.PROTECTED,
        [(B, "give-address"), (B, "take-address")],
    ),
}


def told(verbs, verb, **arguments):
    """From the request to the end of all jobs, by vaults that may die."""
    job_id = None
    for _ in range(300):
        try:
            if job_id is None:
                job_id = verbs.submit(verb, **arguments)
            verbs.engine.run_until_idle()
            if verbs.tree(job_id).job.state.ended and all(job.state.ended for job in verbs.jobs()):
                return verbs.tree(job_id)
        except Killed:
            verbs.close()
            verbs.open()
        verbs.clock.pass_by(5)
    raise AssertionError(f"it does not end: {verbs.tree(job_id)}")


@pytest.mark.parametrize("verb", list(ENDS))
def test_death_at_a_seam_runs_no_script_twice_and_leaves_none_out(verb, sliced):
    arguments, state, scripts = ENDS[verb]
    for nth in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
        with folder_in_memory() as folder:
            verbs, fuse = Verbs(folder), Fuse(nth)
            verbs.protect()
            hook(verbs, GIVE, TAKE)
            verbs.appliances.scripts |= {"give-address": GOOD, "take-address": GOOD}
            with seams.armed(fuse):
                ended = told(verbs, verb, **arguments)
            assert ended.job.state == "succeeded", (fuse.at, ended)
            assert ran(verbs) == scripts, fuse.at
            assert (verbs.state(), verbs.machine().drill_state) == (state, DrillState.NONE), fuse.at
            assert not verbs.appliances.copies.two, fuse.at
            verbs.close()
        if fuse.at is None:
            break
    assert nth > 20
