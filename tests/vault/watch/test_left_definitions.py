"""Definitions that a live migration left at other hosts of a site: they start only while their machine is at
home."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.watch import left_definitions
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import OldCopyStatus
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import OTHER_A, OTHER_B, Verbs, add_host, folder_in_memory

AT_HOME = ()
AWAY = (Verb.FAILOVER,)
TURNED = (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT)
BACK = (*TURNED, Verb.PLANNED_FAILOVER)
FENCE, FREE = Kind.PAUSE_REPLICATION, Kind.RESTART


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


def copy(verbs, *, fenced, power="off", **changed):
    machine = verbs.machine()
    known = {"machine_id": machine.id, "fabric_id": machine.source_fabric_id, "power": power}
    return OldCopyStatus(**{**known, "fenced": fenced, **changed})


def wrong(verbs, at, **said):
    with verbs.store.reading() as tx:
        return [kind for _, kind in left_definitions.wrong(tx, at, [copy(verbs, **said)])]


@pytest.mark.parametrize(
    ("verb", "at", "fenced", "expected"),
    [
        (AT_HOME, OTHER_A, False, []),
        (AT_HOME, OTHER_A, True, [FREE]),
        (AT_HOME, A, True, []),
        (AT_HOME, OTHER_B, False, [FENCE]),
        (AWAY, OTHER_A, False, [FENCE]),
        (AWAY, OTHER_A, True, []),
        (AWAY, A, False, []),
        (AWAY, OTHER_B, False, []),
        (TURNED, OTHER_A, False, [FENCE]),
        (TURNED, OTHER_A, True, []),
        (BACK, OTHER_A, True, []),
        (BACK, OTHER_B, False, [FENCE]),
    ],
)
def test_it_may_start_only_while_its_machine_is_at_home(verbs, verb, at, fenced, expected):
    for each in verb:
        assert verbs.run(each).job.state == "succeeded"
    assert wrong(verbs, at, fenced=fenced) == expected


@pytest.mark.parametrize(
    "said", [{"power": "missing"}, {"power": "running"}, {"fabric_id": "another"}, {"fabric_id": ""}]
)
def test_only_one_that_is_there_and_rests_is_freed(verbs, said):
    assert wrong(verbs, OTHER_A, fenced=True, **said) == []


@pytest.mark.parametrize("kind", [FENCE, FREE])
def test_the_order_is_given_once_with_the_number_of_the_machine(verbs, kind):
    if kind is FENCE:
        verbs.run(Verb.FAILOVER)
        verbs.appliances.given.clear()
    assert submit(verbs, kind) is not None
    assert submit(verbs, kind) is None
    verbs.rest()
    assert verbs.appliances.given == [(OTHER_A, kind, verbs.machine().id)]
    assert submit(verbs, kind) is not None


def test_an_order_for_before_a_verb_is_not_given_after_it(verbs):
    verbs.appliances.away.add(OTHER_A)
    submit(verbs, FREE)
    verbs.run(Verb.FAILOVER)
    verbs.appliances.away.clear()
    verbs.rest()
    assert (OTHER_A, FREE, verbs.machine().id) not in verbs.appliances.given


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_failover_has_the_connected_ones_kept_from_starting_before_its_own_start(verbs, verb):
    verbs.run(verb)
    machine_id = verbs.machine().id
    given = verbs.appliances.given
    fenced = given.index((OTHER_A, FENCE, machine_id))
    assert fenced < given.index((B, Kind.START_REPLICA, machine_id))


def submit(verbs, kind):
    with verbs.store.transaction() as tx:
        at = tx.appliances.find(OTHER_A)
        return left_definitions.submit(verbs.deps, tx, verbs.machine(), at, kind)
