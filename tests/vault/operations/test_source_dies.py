"""The source dies when the first recovery point is there, or a restored vault believes that there is none:
it is not lost."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import SourceStatus
from tests.vault.support_appliances import A, B

pytestmark = pytest.mark.slow

SETTLES = 30


def dies_with_the_first_point(verbs, appliance):
    """Its last word is from before that."""
    heard = verbs.appliances.seal

    def seal(machine_id):
        point = heard(machine_id)
        said = SourceStatus(machine_id=machine_id, epoch=point.epoch, power="running", running=True)
        with verbs.store.transaction() as tx:
            tx.statuses.put_source(said, verbs.clock.now())
        verbs.appliances.away.add(appliance)
        return point

    verbs.appliances.seal = seal


def committed(verbs):
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"


def while_it_is_away(verbs, job_id):
    for _ in range(SETTLES):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    return verbs.tree(job_id).job.state


def test_initial_replication_has_ended_once_there_is_a_point_also_if_its_source_is_gone(verbs):
    """Else no failover is offered, and a cancel deletes the point."""
    dies_with_the_first_point(verbs, A)
    assert while_it_is_away(verbs, verbs.submit(Verb.ENABLE_PROTECTION)) == "succeeded"
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"


def test_a_reprotect_has_ended_once_there_is_a_point_also_if_its_new_source_is_gone(verbs):
    committed(verbs)
    dies_with_the_first_point(verbs, B)
    assert while_it_is_away(verbs, verbs.submit(Verb.REPROTECT)) == "succeeded"
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"


def at_the_order(verbs, wanted, happens):
    """As soon as it is asked for."""

    def look(kind):
        if kind is wanted:
            happens()
        else:
            verbs.appliances.at_order(0, look)

    verbs.appliances.at_order(0, look)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("verb", [Verb.ENABLE_PROTECTION, Verb.REPROTECT])
def test_the_undo_keeps_points_for_a_source_that_does_not_answer(verbs, verb, is_there):
    if verb is Verb.REPROTECT:
        committed(verbs)
    source = B if verb is Verb.REPROTECT else A
    verbs.appliances.fail(Kind.START_REPLICATION)
    if not is_there:
        at_the_order(verbs, Kind.START_REPLICATION, lambda: verbs.appliances.away.add(source))
    assert verbs.run(verb).job.state == "failed"
    assert [each.keep_points for each in verbs.appliances.removed] == [not is_there]
