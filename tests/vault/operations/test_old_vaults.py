"""A vault that was restored from a backup takes nobody's word for what it is not."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.wire.control.checks import CopyInstant
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

pytestmark = pytest.mark.slow


def says(verbs, epoch):
    """An appliance that replicates the machine, which runs there, in that epoch."""
    machine_id = verbs.machine().id
    said = SourceStatus(machine_id=machine_id, epoch=epoch, power="running", running=True)
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(said, verbs.clock.now())
        if epoch != 2:
            hears = ReplicaStatus(machine_id=machine_id, epoch=epoch, accepting=True, synchronized=True)
            tx.statuses.put_replica(hears, verbs.clock.now())


@pytest.mark.parametrize(("epoch", "must_be_off"), [(1, True), (2, False), (3, True)])
def test_the_machine_that_a_later_direction_replicates_need_not_be_off_when_protection_ends(
    verbs, epoch, must_be_off
):
    """It runs at the site that is the target for this vault: it is production, and no second copy."""
    verbs.protect()
    says(verbs, epoch)
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    assert [each.given_up for each in verbs.appliances.removed] == [must_be_off]


def test_a_failover_takes_a_copy_over_that_was_started_without_the_vault_and_seals_nothing_newer(verbs):
    verbs.protect()
    with verbs.store.reading() as tx:
        newest = tx.statuses.get(verbs.machine().id).replica.points[-1]
    verbs.appliances.copy_on = CopyInstant(point_id=newest.id)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.FAILOVER)
    assert job.job.state == "succeeded", job.job.error
    assert Kind.DRAIN not in {kind for _, kind, _ in verbs.appliances.given}
    assert any("was started from it without this vault" in task.sentence for task in job.tasks)


def test_the_cancel_of_a_failover_whose_start_failed_removes_only_what_a_vault_began(verbs):
    verbs.protect()
    verbs.appliances.fail(Kind.START_REPLICA)
    assert verbs.run(Verb.FAILOVER).job.state == "failed"
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    assert [each.begun_only for each in verbs.appliances.ended] == [True]
