"""A machine's replica goes to another host of its site that reaches the store: when it is asked for, and by
itself when a failover meets a host that does not answer."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.ground.units import GiB
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import OTHER_B, said
from tests.vault.support_shared_stores import NAMES, TOKENS, at, has, shared_stores


@pytest.fixture
def verbs():
    with shared_stores() as verbs:
        yield verbs


def takes(verbs):
    return [who for who, kind, _ in verbs.appliances.given if kind is Kind.TAKE_REPLICA]


def test_it_is_moved_to_the_host_that_was_named_and_its_source_is_told(verbs):
    tree = verbs.run(Verb.MOVE_REPLICA, "m00", target_appliance=OTHER_B)
    assert tree.job.state == "succeeded"
    assert at(verbs, "m00") == OTHER_B
    assert verbs.machine("m00").state is State.PROTECTED
    assert verbs.appliances.given[-1][1] is Kind.UPDATE_POLICY
    assert takes(verbs) == [OTHER_B]


def test_without_a_name_the_machines_of_a_host_are_spread_over_the_others(verbs):
    assert verbs.run(Verb.MOVE_REPLICA, *NAMES).job.state == "succeeded"
    there = [at(verbs, each) for each in NAMES]
    assert there.count(OTHER_B) == there.count("third-b") == 5


def test_a_host_that_has_not_proven_that_it_reaches_the_store_gets_nothing(verbs):
    for each in (OTHER_B, "third-b"):
        has(verbs, each, proven=("e" * 32,))
    tree = verbs.run(Verb.MOVE_REPLICA, "m00")
    assert tree.job.state == "failed"
    assert "No other appliance of the site reaches" in said(tree, "Prerequisites check").error.message
    verbs.appliances.away.add(B)
    assert verbs.run(Verb.FAILOVER, "m00").job.state == "failed"
    assert at(verbs, "m00") == B


def test_what_the_first_taker_said_is_known_when_it_dies_before_it_reports(verbs):
    """The store's own host has a new token by then, and has not seen that of the one that died."""
    verbs.appliances.lying[OTHER_B] = ("f" * 32, TOKENS[B])
    assert verbs.run(Verb.MOVE_REPLICA, "m00", target_appliance=OTHER_B).job.state == "succeeded"
    verbs.appliances.away.add(OTHER_B)
    for each in (B, "third-b"):
        has(verbs, each, proven=())
    assert verbs.run(Verb.FAILOVER, "m00").job.state == "succeeded"
    assert at(verbs, "m00") == B
    assert set(verbs.appliances.lying[OTHER_B]) <= set(verbs.appliances.taken[-1].tokens)


def test_a_failover_whose_host_is_dead_goes_on_at_another_and_says_so(verbs):
    verbs.appliances.away.add(B)
    tree = verbs.run(Verb.FAILOVER, "m00")
    assert tree.job.state == "succeeded"
    assert at(verbs, "m00") != B
    assert "goes on in its place" in said(tree, "Prerequisites check").sentence
    assert at(verbs, "m00") in verbs.appliances.running(verbs.machine("m00").id)


def test_a_host_that_was_asked_to_take_it_over_is_asked_until_it_answers_whatever_fits_best_by_then(verbs):
    verbs.appliances.away.add(B)
    verbs.appliances.late.add(Kind.TAKE_REPLICA)
    job = verbs.submit(Verb.FAILOVER, "m00")
    asked, ask = [], verbs.appliances.ask

    def noted(appliance_id, order_id, kind, *args, **more):
        if kind is Kind.TAKE_REPLICA and appliance_id not in asked:
            asked.append(appliance_id)
            has(verbs, appliance_id, free=5 * GiB)  # the others are freer now
        return ask(appliance_id, order_id, kind, *args, **more)

    verbs.appliances.ask = noted
    for _ in range(6):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    verbs.appliances.late.clear()
    verbs.appliances.arrive()
    assert verbs.settle(job).job.state == "succeeded"
    assert asked == [at(verbs, "m00")]


def test_a_test_failover_goes_on_at_another_too(verbs):
    verbs.appliances.away.add(B)
    assert verbs.run(Verb.TEST_FAILOVER, "m00").job.state == "succeeded"
    assert at(verbs, "m00") != B
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER, "m00").job.state == "succeeded"


@pytest.mark.parametrize("dies_at", [Kind.ACCEPT_CYCLES, Kind.DRAIN, Kind.START_REPLICA, Kind.PROVE])
def test_a_host_that_dies_in_the_middle_is_replaced(verbs, dies_at):
    verbs.appliances.shows = True
    ask = verbs.appliances.ask

    def asked(appliance_id, order_id, kind, *args, **more):
        if kind is dies_at and appliance_id == B:
            verbs.appliances.destroy(B)
        return ask(appliance_id, order_id, kind, *args, **more)

    verbs.appliances.ask = asked
    tree = verbs.run(Verb.FAILOVER, "m00")
    assert tree.job.state == "succeeded", str(tree)
    assert at(verbs, "m00") in (OTHER_B, "third-b")
    assert [each for each in tree.tasks if each.sentence and "goes on in its place" in each.sentence]
    starts = [who for who, kind, _ in verbs.appliances.given if kind is Kind.START_REPLICA]
    assert starts[-1] == at(verbs, "m00")
    assert starts.count(at(verbs, "m00")) == 1


def test_one_that_was_failed_over_starts_elsewhere_only_if_its_host_is_said_to_be_gone(verbs):
    assert verbs.run(Verb.FAILOVER, "m00").job.state == "succeeded"
    connected = verbs.run(Verb.MOVE_REPLICA, "m00", host_is_gone=True)
    assert "a machine that runs is not moved" in said(connected, "Prerequisites check").error.do
    verbs.appliances.destroy(B)
    silent = verbs.run(Verb.MOVE_REPLICA, "m00")
    assert "--host-is-gone" in said(silent, "Prerequisites check").error.do
    tree = verbs.run(Verb.MOVE_REPLICA, "m00", host_is_gone=True)
    assert tree.job.state == "succeeded"
    assert at(verbs, "m00") in verbs.appliances.running(verbs.machine("m00").id)
    assert at(verbs, "m00") != B
    assert verbs.machine("m00").state is State.FAILED_OVER


def test_a_host_without_memory_takes_nothing_by_itself(verbs):
    for each in (OTHER_B, "third-b"):
        has(verbs, each, free=0)
    verbs.appliances.away.add(B)
    assert verbs.run(Verb.FAILOVER, "m00").job.state == "failed"
    verbs.appliances.away.clear()
    with pytest.raises(errors.NotFound):
        verbs.submit(Verb.MOVE_REPLICA, "nobody")


def test_an_appliance_that_only_starts_again_is_waited_for_if_no_other_may_take_its_place(verbs):
    verbs.appliances.fail(Kind.TAKE_REPLICA, problem=errors.NotPossibleNow("A copy runs there.", do="Wait."))
    verbs.appliances.away.add(B)
    job = verbs.submit(Verb.FAILOVER, "m00")
    for _ in range(6):
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(2)
    verbs.appliances.away.clear()
    assert verbs.settle(job).job.state == "succeeded"
    assert at(verbs, "m00") == B


STARTS = (Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.TEST_FAILOVER)


@pytest.mark.parametrize("verb", STARTS)
def test_a_verb_that_starts_it_does_so_at_the_host_that_was_named(verbs, verb):
    tree = verbs.run(verb, "m00", "m01", target_appliance="third-b")
    assert tree.job.state == "succeeded"
    starts = [who for who, kind, _ in verbs.appliances.given if kind is Kind.START_REPLICA]
    assert starts == ["third-b", "third-b"]
    assert [at(verbs, each) for each in ("m00", "m01", "m02")] == ["third-b", "third-b", B]
    (job,) = [each for each in verbs.jobs(verb) if each.subject_name == "m00"]
    said_first = said(verbs.tree(job.id), "Prerequisites check").sentence
    assert "Appliance 'third-b' has its replica now" in said_first


@pytest.mark.parametrize("verb", STARTS)
def test_a_host_that_does_not_reach_the_store_is_refused_before_anything_begins(verbs, verb):
    has(verbs, OTHER_B, proven=("e" * 32,))
    with pytest.raises(errors.NotPossibleNow, match=f"Appliance '{OTHER_B}' does not reach the store"):
        verbs.submit(verb, "m00", target_appliance=OTHER_B)
    with pytest.raises(errors.NotFound):
        verbs.submit(verb, "m00", target_appliance="nobody")
    assert verbs.jobs(verb) == []
    assert verbs.machine("m00").state is State.PROTECTED


def test_a_drained_host_takes_nothing_even_if_it_is_named(verbs):
    with verbs.store.transaction() as tx:
        tx.appliances.drain(OTHER_B, verbs.clock.now())
    with pytest.raises(errors.NotPossibleNow, match="it is drained"):
        verbs.submit(Verb.FAILOVER, "m00", target_appliance=OTHER_B)


@pytest.mark.parametrize("verb", [Verb.MOVE_REPLICA, Verb.FAILOVER, Verb.TEST_FAILOVER])
def test_a_host_that_is_drained_while_it_takes_a_replica_over_is_asked_until_it_answers(verbs, verb):
    """It was judged again at each look: the job failed, the host had the replica, and nobody knew of it."""
    verbs.appliances.late.add(Kind.TAKE_REPLICA)
    job = verbs.submit(verb, "m00", target_appliance=OTHER_B)
    verbs.engine.run_until_idle()
    with verbs.store.transaction() as tx:
        tx.appliances.drain(OTHER_B, verbs.clock.now())
    for _ in range(3):
        verbs.clock.pass_by(2)
        verbs.engine.run_until_idle()
    verbs.appliances.late.clear()
    verbs.appliances.arrive()
    assert verbs.settle(job).job.state == "succeeded"
    assert at(verbs, "m00") == OTHER_B


def test_an_appliance_that_gave_its_replica_away_without_anybody_s_knowledge_takes_it_back(verbs):
    machine_id = verbs.machine("m00").id
    for kind in (Kind.LIST_POINTS, Kind.PREPARE_REPLICA):
        verbs.appliances.failing[kind] = [1, machine_id, errors.NotFound("There is no replica.", do="")]
    tree = verbs.run(Verb.FAILOVER, "m00")
    assert tree.job.state == "succeeded"
    assert takes(verbs) == [B]
    (taken,) = verbs.appliances.taken
    assert taken.former_appliance_id == B
    assert TOKENS[B] in taken.tokens


def test_where_no_store_is_shared_a_replica_that_is_not_there_is_told_as_before(verbs):
    machine_id = verbs.machine("m00").id
    for kind in (Kind.LIST_POINTS, Kind.DRAIN, Kind.PREPARE_REPLICA, Kind.TAKE_REPLICA):
        verbs.appliances.failing[kind] = [9, machine_id, errors.NotFound("There is no replica.", do="")]
    tree = verbs.run(Verb.FAILOVER, "m00")
    assert tree.job.state == "failed"
    assert "There is no replica" in tree.job.error.message


def test_the_source_knows_the_new_host_before_it_sends_its_last_changes(verbs):
    for name, verb, more in (
        ("m00", Verb.PLANNED_FAILOVER, {}),
        ("m01", Verb.FAILOVER, {"shut_down_source": True}),
    ):
        verbs.appliances.given.clear()
        assert verbs.run(verb, name, target_appliance=OTHER_B, **more).job.state == "succeeded"
        kinds = [kind for _, kind, _ in verbs.appliances.given]
        assert kinds.index(Kind.TAKE_REPLICA) < kinds.index(Kind.UPDATE_POLICY) < kinds.index(Kind.RUN_CYCLE)


@pytest.mark.parametrize(
    ("verb", "more"), [(Verb.FAILOVER, {"shut_down_source": True}), (Verb.TEST_FAILOVER, {})]
)
def test_the_source_knows_the_host_that_took_the_place_of_a_dead_one(verbs, verb, more):
    verbs.appliances.away.add(B)
    verbs.appliances.given.clear()
    assert verbs.run(verb, "m00", **more).job.state == "succeeded"
    kinds = [kind for _, kind, _ in verbs.appliances.given]
    told = kinds.index(Kind.UPDATE_POLICY)
    assert kinds.index(Kind.TAKE_REPLICA) < told < kinds.index(Kind.START_REPLICA)
    assert Kind.RUN_CYCLE not in kinds[:told]


@pytest.mark.parametrize(
    "dies_at", [Kind.PRE_COPY, Kind.SHUT_DOWN, Kind.RUN_CYCLE, Kind.DRAIN, Kind.START_REPLICA, Kind.PROVE]
)
def test_a_host_that_dies_in_a_planned_failover_is_replaced_without_a_loss(verbs, dies_at):
    verbs.appliances.shows = True
    ask = verbs.appliances.ask
    lost: list[str] = []

    def asked(appliance_id, order_id, kind, *args, **more):
        if kind is dies_at and not lost:
            lost.append(order_id)
            verbs.appliances.destroy(B)
        sends = kind in (Kind.PRE_COPY, Kind.RUN_CYCLE)
        if sends and lost and at(verbs, "m00") == B:
            return None  # the source tries on
        return ask(appliance_id, order_id, kind, *args, **more)

    verbs.appliances.ask = asked
    tree = verbs.run(Verb.PLANNED_FAILOVER, "m00")
    assert tree.job.state == "succeeded", str(tree)
    assert verbs.machine("m00").state is State.PLANNED_FAILED_OVER
    assert at(verbs, "m00") in (OTHER_B, "third-b")
    assert verbs.appliances.running(verbs.machine("m00").id) == [at(verbs, "m00")]
    kinds = [(who, kind) for who, kind, _ in verbs.appliances.given]
    if dies_at in (Kind.PRE_COPY, Kind.RUN_CYCLE):
        assert kinds.index((A, Kind.UPDATE_POLICY)) < kinds.index((A, dies_at))
    assert [each for each in tree.tasks if each.sentence and "goes on in its place" in each.sentence]


def test_without_another_host_a_planned_failover_whose_target_dies_is_taken_back(verbs):
    for each in (OTHER_B, "third-b"):
        has(verbs, each, free=0)
    ask = verbs.appliances.ask

    def asked(appliance_id, order_id, kind, *args, **more):
        if kind is Kind.SHUT_DOWN:
            verbs.appliances.away.add(B)
        return ask(appliance_id, order_id, kind, *args, **more)

    verbs.appliances.ask = asked
    job = verbs.submit(Verb.PLANNED_FAILOVER, "m00")
    while not verbs.tree(job).job.state.ended:
        verbs.engine.run_until_idle()
        verbs.clock.pass_by(1)
    assert verbs.tree(job).job.state == "failed"
    assert verbs.appliances.running(verbs.machine("m00").id) in ([], [A])
    verbs.appliances.away.clear()
    verbs.rest()
    assert verbs.machine("m00").state is State.PROTECTED
    assert verbs.appliances.running(verbs.machine("m00").id) == [A]
    assert at(verbs, "m00") == B
