"""A vault that dies at seams all along a plan's drill that makes its network first: in the end the run has
left it."""

import itertools

import pytest

from rig.dying import Fuse
from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.domain.plans.plan import PlanGroup, RecoveryPlan
from secondsite.ground import seams
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import members
from tests.vault.plan_runs.dying.support_dying import NAMES, Told
from tests.vault.plan_runs.support_plan_runs import TRAFFIC
from tests.vault.support_operations import Verbs, folder_in_memory

pytestmark = pytest.mark.slow
FIRST, EVERY = 3, 19
ENDS = {"answer": ("succeeded", DrillState.RUNNING), "cancel": ("cancelled", DrillState.NONE)}


def told(verbs, ends):
    """The run; a person is asked before the first machine."""
    made = Told(verbs, Verb.TEST_FAILOVER, ends)
    groups = PlanGroup(members(verbs, NAMES[:1]), before=(TRAFFIC,)), PlanGroup(members(verbs, NAMES[1:]))
    made.plan = RecoveryPlan("shop", groups)
    return made.tell()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ends", ENDS)
def test_death_at_a_seam_leaves_no_network_to_the_run(ends):
    state, drill = ENDS[ends]
    for nth in itertools.count(FIRST, EVERY):
        with folder_in_memory() as folder:
            verbs, fuse = Verbs(folder, NAMES), Fuse(nth)
            verbs.protect(*NAMES)
            with seams.armed(fuse):
                run = told(verbs, ends)
            assert run.job.state == state, (fuse.at, run)
            assert [verbs.machine(name).drill_state for name in NAMES] == [drill] * 2, fuse.at
            of_the_run = [kind for _, kind, machine in verbs.appliances.given if machine is None]
            assert of_the_run == [Kind.CREATE_NETWORK, Kind.REMOVE_NETWORK], fuse.at
            verbs.close()
        if fuse.at is None:
            break
    assert nth > EVERY
