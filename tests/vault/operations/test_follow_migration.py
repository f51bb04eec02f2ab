"""A machine that was migrated live within its site is followed by its appliances; any verb goes first."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.operations import follow_migration
from secondsite.vault.steps.absent_site import finish_later
from secondsite.wire.control.orders import HandedOver, Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import OTHER_A, OTHER_B, Verbs, add_host, folder_in_memory

KNOWN = HandedOver(progress="{}", tracking="{}")
MIGRATED = [(A, Kind.HAND_OVER), (B, Kind.PREPARE_REPLICA), (OTHER_A, Kind.TAKE_OVER)]


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.appliances.hosts = {A: ("web01",), OTHER_A: ()}
        for like, name in ((A, OTHER_A), (B, OTHER_B), (B, B)):
            add_host(verbs, like, name, 9 if name == B else 1)
        verbs.protect()
        yield verbs
        verbs.close()


def arrived(verbs, at=OTHER_A, fabric_id=None):
    """The machines that are followed, if that one has come to an appliance."""
    machine = verbs.machine()
    with verbs.store.reading() as tx:
        return follow_migration.came(tx, at, {machine.id: fabric_id or machine.source_fabric_id})


def submit(verbs, at=OTHER_A):
    with verbs.store.transaction() as tx:
        return follow_migration.submit(verbs.deps, tx, verbs.machine(), at)


def follow(verbs, at=OTHER_A):
    return verbs.settle(submit(verbs, at)).job


def given(verbs):
    return [(appliance, kind) for appliance, kind, _ in verbs.appliances.given]


def before(verbs):
    """What the new appliance was told of the former one's part."""
    return verbs.appliances.taken_over


def test_the_machine_belongs_to_its_new_appliance_and_stays_in_its_state(verbs):
    verbs.appliances.handed_over = KNOWN
    generation = verbs.machine().generation
    assert follow(verbs).state == "succeeded"
    assert given(verbs) == MIGRATED
    machine = verbs.machine()
    assert (machine.state, machine.source_appliance_id) == (State.PROTECTED, OTHER_A)
    assert machine.generation == generation
    assert before(verbs) == KNOWN


def test_only_the_machine_itself_at_an_appliance_of_its_site_is_followed(verbs):
    assert [each.name for each in arrived(verbs)] == ["web01"]
    assert arrived(verbs, fabric_id="a-clone-of-it") == []
    assert arrived(verbs, at=OTHER_B) == []
    assert arrived(verbs, at="nobody") == []


def test_one_that_is_followed_already_or_runs_at_the_other_site_is_not(verbs):
    job_id = submit(verbs)
    assert arrived(verbs) == []
    came_meanwhile(verbs)
    verbs.settle(job_id)
    verbs.run(Verb.FAILOVER)
    assert arrived(verbs, at=A) == []


def test_a_verb_that_takes_the_machine_meanwhile_goes_first(verbs):
    job_id = submit(verbs)
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    job = verbs.settle(job_id).job
    assert job.state == "failed"
    assert "another verb has taken it" in str(job.error)
    assert Kind.TAKE_OVER not in [kind for _, kind in given(verbs)]
    assert verbs.state() is State.FAILED_OVER


def test_a_former_appliance_that_is_away_is_not_waited_for_and_told_later(verbs):
    verbs.appliances.away.add(A)
    job_id = submit(verbs)
    verbs.engine.run_until_idle()
    for _ in range(20):
        verbs.clock.pass_by(1)
        verbs.engine.run_until_idle()
    assert verbs.tree(job_id).job.state == "succeeded"
    assert verbs.machine().source_appliance_id == OTHER_A
    assert before(verbs) == HandedOver()
    verbs.appliances.away.clear()
    verbs.rest()
    assert (A, Kind.HAND_OVER) in given(verbs)


def test_a_machine_that_is_back_before_the_former_appliance_was_told_leaves_nothing_to_do(verbs):
    verbs.appliances.away.add(A)
    job_id = submit(verbs)
    for _ in range(20):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(1)
    assert verbs.tree(job_id).job.state == "succeeded"
    is_on = errors.NotPossibleNow("web01 is on here, too.")
    verbs.appliances.fail(Kind.HAND_OVER, problem=is_on)
    verbs.appliances.away.clear()
    verbs.rest()
    (later,) = [job for job in verbs.jobs() if job.name == finish_later.FINISH_LATER]
    assert later.state == "succeeded"
    (task,) = verbs.tree(later.id).tasks
    assert task.sentence == "nothing is handed over at a: web01 is on here, too."


def test_a_target_that_is_away_is_told_when_it_returns(verbs):
    verbs.appliances.away.add(B)
    job_id = submit(verbs)
    for _ in range(20):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(1)
    assert verbs.tree(job_id).job.state == "succeeded"
    assert (OTHER_A, Kind.TAKE_OVER) in given(verbs)
    verbs.appliances.away.clear()
    verbs.rest()
    assert (B, Kind.PREPARE_REPLICA) in given(verbs)


def test_what_the_former_appliance_said_outlives_a_try_that_failed(verbs):
    verbs.appliances.handed_over = KNOWN
    verbs.appliances.fail(Kind.TAKE_OVER)
    assert follow(verbs).state == "failed"
    assert verbs.machine().source_appliance_id == OTHER_A
    verbs.appliances.mend()
    verbs.appliances.handed_over = HandedOver()
    assert follow(verbs).state == "succeeded"
    assert before(verbs) == KNOWN


def test_an_appliance_that_lost_its_records_begins_with_a_comparison(verbs):
    verbs.appliances.handed_over = KNOWN
    assert follow(verbs, at=A).state == "succeeded"
    assert before(verbs) == HandedOver()
    assert verbs.machine().source_appliance_id == A


def came_meanwhile(verbs):
    """The machine runs at the other host, and the former appliance knows it no more."""
    machine = verbs.machine()
    verbs.appliances.copies.stop(machine.id, A)
    verbs.appliances.copies.made.discard((machine.id, A))
    verbs.appliances.copies.run(machine.id, OTHER_A)


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.DISABLE_PROTECTION, Verb.RESYNCHRONIZE])
def test_no_verb_takes_a_machine_for_gone_that_is_not_followed_yet(verbs, verb):
    came_meanwhile(verbs)
    job = verbs.run(verb, **({"shut_down_source": True} if verb is Verb.FAILOVER else {})).job
    assert job.state == "failed"
    assert f"migrated to the host of appliance '{OTHER_A}'" in job.error.message
    assert verbs.state() is State.PROTECTED
    assert verbs.appliances.running(verbs.machine().id) == [OTHER_A]
    assert follow(verbs).state == "succeeded"


def test_a_failover_after_its_whole_site_is_lost_asks_nobody(verbs):
    for appliance in (A, OTHER_A):
        verbs.appliances.destroy(appliance)
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
