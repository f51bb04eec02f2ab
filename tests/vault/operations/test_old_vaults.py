"""A vault that was restored from a backup takes nobody's word for what it is not."""

import pytest

from secondsite.domain.lifecycle import Verb
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
