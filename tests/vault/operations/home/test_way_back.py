"""The policy of a machine's way back: taken at reprotect, left at home."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.units import DAY, HOUR, MINUTE
from secondsite.vault.facade.nouns.policies import put_with_twin
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import B

QUICK = ReplicationPolicy(
    "quick", rpo_threshold_seconds=60, retention_seconds=HOUR, app_consistent_every_seconds=300
)


@pytest.fixture
def away(verbs):
    """web01 runs at b, with policy quick."""
    with verbs.store.transaction() as tx:
        put_with_twin(tx, QUICK)
    for verb, options in (
        (Verb.ENABLE_PROTECTION, {"policy": "quick"}),
        (Verb.FAILOVER, {}),
        (Verb.COMMIT, {}),
    ):
        assert verbs.run(verb, **options).job.state == "succeeded"
    return verbs


def told(verbs):
    """The policy that the source was told last."""
    return verbs.appliances.setups[verbs.machine().id].policy


def test_reprotect_takes_the_policy_of_the_way_back_and_the_one_from_home_its_own(away):
    assert told(away) == PolicyShape.of(QUICK)
    assert away.run(Verb.REPROTECT).job.state == "succeeded"
    assert away.machine().policy == "quick-failback"
    back = told(away)
    assert (back.rpo_threshold_seconds, back.retention_seconds, back.app_consistent_every_seconds) == (
        15 * MINUTE,
        DAY,
        HOUR,
    )
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert away.run(verb).job.state == "succeeded"
    assert away.machine().policy == "quick"
    assert told(away) == PolicyShape.of(QUICK)


def test_a_reprotect_that_fails_leaves_the_policy_as_it_was(away):
    away.appliances.fail(Kind.START_REPLICATION, times=1)
    assert away.run(Verb.REPROTECT).job.state == "failed"
    assert away.machine().policy == "quick"


def test_one_that_fails_over_the_other_way_again_has_its_own_policy(away):
    """Protected to a from b, and a disaster at b: at home there is nothing to come back to."""
    for verb in (Verb.REPROTECT, Verb.FAILOVER):
        assert away.run(verb).job.state == "succeeded"
    away.appliances.copies.stop(away.machine().id, B)
    for verb in (Verb.COMMIT, Verb.REPROTECT):
        assert away.run(verb).job.state == "succeeded"
    assert (away.machine().source_site, away.machine().policy) == ("a", "quick")


def test_a_machine_whose_policy_has_no_twin_keeps_it(away):
    with away.store.transaction() as tx:
        tx.policies.remove("quick-failback")
    assert away.run(Verb.REPROTECT).job.state == "succeeded"
    assert away.machine().policy == "quick"


def test_a_policy_whose_own_name_ends_so_is_no_twin(verbs):
    with verbs.store.transaction() as tx:
        put_with_twin(tx, ReplicationPolicy("for-failback"))
    for verb, options in (
        (Verb.ENABLE_PROTECTION, {"policy": "for-failback"}), (Verb.FAILOVER, {}), (Verb.COMMIT, {}),
        (Verb.REPROTECT, {}),
    ):  # fmt: skip
        assert verbs.run(verb, **options).job.state == "succeeded"
    assert verbs.machine().policy == "for-failback-failback"
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    assert verbs.machine().policy == "for-failback"


def test_nobody_is_protected_by_the_policy_of_a_way_back(verbs):
    with verbs.store.transaction() as tx:
        put_with_twin(tx, QUICK)
    with pytest.raises(errors.InvalidArgument, match="is for the way back") as refused:
        verbs.submit(Verb.ENABLE_PROTECTION, policy="quick-failback")
    assert refused.value.do == "Give 'quick'."


def test_guests_that_are_never_frozen_are_not_frozen_on_the_way_back(verbs):
    with verbs.store.transaction() as tx:
        put_with_twin(tx, ReplicationPolicy("calm", app_consistent_every_seconds=0))
        assert tx.policies.find("calm-failback").app_consistent_every_seconds == 0
