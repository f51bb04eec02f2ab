"""What the end of protection says of the recovery points that may be all that is left of a machine."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B

pytestmark = pytest.mark.slow


def test_the_points_of_a_failed_over_machine_that_started_from_none_of_them_are_kept(verbs):
    verbs.protect()
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    verbs.appliances.fail(Kind.START_REPLICA)
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_processed").job.state == "failed"
    assert B not in verbs.appliances.running(verbs.machine().id)
    assert verbs.state() is State.FAILED_OVER
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    assert [each.keep_points for each in verbs.appliances.removed] == [True]


def test_those_of_a_machine_that_runs_at_its_source_are_not(verbs):
    verbs.protect()
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    assert [each.keep_points for each in verbs.appliances.removed] == [False]


def test_a_target_that_does_not_answer_is_waited_for_before_the_source_gives_anything_back(verbs):
    """The machine may run there: what its owner gets back at the source would be a second copy."""
    verbs.protect()
    verbs.appliances.away.add(B)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "failed"
    assert Kind.STOP_REPLICATION not in [kind for _, kind, _ in verbs.appliances.given]
    verbs.appliances.away.clear()
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"


@pytest.mark.parametrize("given_up", [{"without_site": "a"}, {}])
def test_those_of_a_machine_whose_source_is_gone_are_kept(verbs, given_up):
    """They are its last copy, and a failover was the way."""
    verbs.protect()
    verbs.appliances.destroy(A)
    assert verbs.run(Verb.DISABLE_PROTECTION, **given_up).job.state == "succeeded"
    assert [each.keep_points for each in verbs.appliances.removed] == [True]


@pytest.mark.parametrize("target", ["has no copy", "is gone", "has the copy"])
def test_those_of_a_later_epoch_are_given_up_at_the_source_only_for_a_copy_that_is_seen(verbs, target):
    verbs.protect()
    asked = {}
    if target == "has the copy":
        verbs.appliances.copies.run(verbs.machine().id, B)
    if target == "is gone":
        verbs.appliances.destroy(B)
        asked = {"without_site": "b"}
    assert verbs.run(Verb.DISABLE_PROTECTION, **asked).job.state == "succeeded"
    wanted = None if target == "has the copy" else 1
    assert [each.keep_later_than for each in verbs.appliances.stopped] == [wanted]
