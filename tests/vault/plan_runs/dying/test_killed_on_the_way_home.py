"""A vault that dies at seams all along a plan's way home with a data synchronization: it goes on, and no
machine runs twice, or nowhere in the end."""

import itertools

import pytest

from rig.dying import Fuse
from secondsite.domain.lifecycle import State, Verb
from secondsite.ground import seams
from tests.vault.plan_runs.dying.support_dying import NAMES, Told
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = [pytest.mark.slow, pytest.mark.longest]
STRIDE, STRIDE_OF_ALL = 41, 13
"""A run has up to 300 seams."""
HOME, STAYS = State.PLANNED_FAILED_OVER, State.PROTECTED
ENDS = {
    ("before", "answer"): ("succeeded", [HOME, HOME], [A, A]),
    ("before", "cancel"): ("cancelled", [STAYS, STAYS], [B, B]),
    ("during", "answer"): ("succeeded", [HOME, HOME], [A, A]),
    ("during", "cancel"): ("cancelled", [HOME, State.COMMITTED], [A, B]),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("sync", "ends"), list(ENDS))
def test_death_at_a_seam_changes_nothing_in_the_end(sync, ends, sliced):
    state, states, sites = ENDS[sync, ends]
    for nth in itertools.count(*sliced.steps(STRIDE, STRIDE_OF_ALL)):
        with folder_in_memory() as folder:
            verbs, fuse = Verbs(folder, NAMES), Fuse(nth)
            lost_and_committed(verbs)
            told = Told(verbs, Verb.PLANNED_FAILOVER, ends, data_sync=sync)
            with seams.armed(fuse):
                run = told.tell()
            assert run.job.state == state, (fuse.at, run)
            assert [verbs.state(name) for name in NAMES] == states, fuse.at
            running = [verbs.appliances.running(verbs.machine(name).id) for name in NAMES]
            assert running == [[each] for each in sites], fuse.at
            assert not verbs.appliances.copies.two, fuse.at
            assert all(verbs.machine(name).job_id is None for name in NAMES), fuse.at
            verbs.close()
        if fuse.at is None:
            break
    assert nth > 40


def lost_and_committed(verbs):
    """Both machines were failed over in need, committed, and not reprotected."""
    verbs.protect(*NAMES)
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb, *NAMES).job.state == "succeeded"
    for name in NAMES:
        verbs.appliances.copies.stop(verbs.machine(name).id, A)
