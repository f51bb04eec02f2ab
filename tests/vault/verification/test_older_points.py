"""A point that is not usable: older ones are booted, each twice as far back, until one is."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.steps.points import boot_point
from secondsite.vault.store import MachineChecksRecord
from secondsite.wire import rest
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind


class FailingFrom:
    """Checks that fail on all but the oldest points, whatever they are called."""

    def __init__(self, appliances, usable):
        self.appliances, self.usable = appliances, usable

    def __contains__(self, _name):
        return self.appliances.booted[-1].point_id not in self.usable


@pytest.fixture
def points(booting):
    """Ids of ten points of web01, newest first; it has a check."""
    for _ in range(10):
        booting.clock.pass_by(60)
        booting.seal("web01")
    with booting.verbs.store.transaction() as tx:
        check = MachineCheck(name="agent", kind="agent")
        tx.checks.put(MachineChecksRecord(booting.verbs.machine("web01").id, (check,)))
        replica = tx.statuses.get(booting.verbs.machine("web01").id).replica
    return [each.id for each in reversed(replica.points)]


def asked(booting, point, or_older):
    verbs = booting.verbs
    with verbs.store.transaction() as tx:
        return boot_point.submit(verbs.deps, tx, verbs.machine("web01"), point, "ada", or_older=or_older)


def ended(booting, point, or_older, usable):
    booting.verbs.appliances.failing_checks = FailingFrom(booting.verbs.appliances, usable)
    job = asked(booting, point, or_older)
    booting.verbs.settle(job, within_seconds=600)
    return booting.verbs.tree(job), [each.point_id for each in booting.verbs.appliances.booted]


def test_each_is_twice_as_far_back_until_one_is_usable_and_the_finding_names_it(booting, points):
    tree, booted = ended(booting, points[0], 5, usable=points[3:])
    assert booted == [points[0], points[1], points[3]]
    assert tree.job.state == "partially_succeeded"
    assert [each.state for each in tree.tasks[-4:]] == ["succeeded", "skipped", "skipped", "skipped"]
    machine = booting.verbs.machine("web01")
    assert (machine.booted.point_id, machine.booted.usable_point) == (points[0], points[3])


def test_a_usable_one_needs_no_older_ones(booting, points):
    tree, booted = ended(booting, points[0], 5, usable=points)
    assert (booted, tree.job.state) == ([points[0]], "succeeded")


def test_no_more_are_booted_than_were_asked_for(booting, points):
    _, booted = ended(booting, points[0], 2, usable=())
    assert booted == [points[0], points[1], points[3]]
    assert booting.verbs.machine("web01").booted.usable_point is None


def test_the_oldest_is_the_last_however_many_were_asked_for(booting, points):
    tree, booted = ended(booting, points[8], 5, usable=())
    assert booted[:2] == [points[8], points[9]]
    assert len(set(booted)) == len(booted)
    assert tree.tasks[-1].state == "skipped"


def test_a_damaged_point_is_passed_over(booting, points):
    booting.seal("web01", damaged=True)
    booting.seal("web01")
    newest = booting.newest().id
    _, booted = ended(booting, newest, 1, usable=())
    assert booted == [newest, points[0]]


def test_a_vault_that_is_restarted_before_the_answer_boots_the_same_older_point(booting, points):
    booting.verbs.appliances.failing_checks = FailingFrom(booting.verbs.appliances, points[1:])
    job = asked(booting, points[0], 3)
    appliances = booting.verbs.appliances
    while not appliances.booted:
        booting.verbs.engine.run_until_idle()
    booting.verbs.close()
    booting.verbs.open()
    booting.seal("web01")
    booting.verbs.settle(job, within_seconds=600)
    assert [each.point_id for each in appliances.booted] == [points[0], points[1]]


def test_older_copies_give_way_to_people(booting, points):
    appliances = booting.verbs.appliances
    appliances.unheard.add(Kind.START_REPLICA)

    class AndSomebodyNeedsAMachine(FailingFrom):
        def __contains__(self, name):
            if len(appliances.booted) == 1:
                booting.verbs.submit(Verb.FAILOVER, "app01")
            return super().__contains__(name)

    appliances.failing_checks = AndSomebodyNeedsAMachine(appliances, points[1:])
    job = asked(booting, points[0], 1)
    booting.verbs.engine.run_until_idle()
    assert len(appliances.booted) == 1
    appliances.mend()
    booting.verbs.settle(job, within_seconds=600)
    assert [each.point_id for each in appliances.booted] == points[:2]


def test_older_ones_are_found_also_if_a_point_that_was_booted_is_thinned_out_meanwhile(booting, points):
    def thins(point):
        with booting.verbs.store.transaction() as tx:
            replica = tx.statuses.get(booting.verbs.machine("web01").id).replica
            left = tuple(each for each in replica.points if each.id != point)
            tx.statuses.put_replica(replica.model_copy(update={"points": left}), booting.clock.now())

    class AndItGoes(FailingFrom):
        def __contains__(self, name):
            thins(self.appliances.booted[-1].point_id)
            return super().__contains__(name)

    booting.verbs.appliances.failing_checks = AndItGoes(booting.verbs.appliances, points[3:])
    booting.verbs.settle(asked(booting, points[0], 5), within_seconds=600)
    assert [each.point_id for each in booting.verbs.appliances.booted] == [points[0], points[1], points[3]]


def test_so_many_that_nobody_meant_it_are_refused():
    with pytest.raises(ValueError, match="or_older"):
        rest.PointBoot(or_older=13)
