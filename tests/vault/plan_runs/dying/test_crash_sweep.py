"""A vault that dies at seams all along a plan's run, at one each time: the run comes to the same end.

Children are counted, and which machines run where; a question is asked and answered on the way.
"""

import itertools

import pytest

from rig.dying import Fuse
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.ground import seams
from tests.vault.plan_runs.dying.support_dying import NAMES, Told
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.longest]
STRIDE, STRIDE_OF_ALL = 27, 9
"""A run has up to 146 seams."""
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
def test_death_at_a_seam_changes_nothing_in_the_end(verb, ends, sliced):
    state, where, drills, children = ENDS[verb, ends]
    for nth in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
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
