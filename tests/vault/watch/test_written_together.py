"""What writing statuses costs: counted in statements and rows, whatever else is there."""

import random
import re
from datetime import timedelta

import pytest
import sqlalchemy

from secondsite.wire.control import Hello, Status, changes
from tests.support import statements
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake

TARGET = "appliance-b"


class Asked:
    """All that the database is asked."""

    def __init__(self, engine):
        self._said = statements.noted(engine)

    def take(self):
        """What was asked since this was asked last: kinds of statements, rows that were written,
        transactions that wrote."""
        said = [each for each in self._said if not each.startswith("--")]
        self._said.clear()
        rows = [each for each in said if each.startswith(("INSERT", "UPDATE", "DELETE"))]
        kinds = [
            each for each in statements.kinds(said) if not each.startswith(("BEGIN", "COMMIT", "ROLLBACK"))
        ]
        return kinds, len(rows), said.count("BEGIN IMMEDIATE")


@pytest.fixture
def facts(store):
    facts = Intake(store, lambda _signal: None, lambda: NOW)
    for side in "ab":
        facts.connected(hello(f"appliance-{side}"))
    return facts


@pytest.fixture
def asked(store):
    with store.transaction() as tx:
        return Asked(tx.session.get_bind().engine)


def hello(appliance_id):
    return Hello(
        appliance_id=appliance_id, site="a", version="1", fabric_kind="simulated", accelerated=False,
        data_addresses=(), says_changes=True,
    )  # fmt: skip


def many(store, count, **what):
    names = [f"id{number}" for number in range(count)]
    with store.transaction() as tx:
        for each in names:
            tx.machines.add(machine(each, each, **what))
    return names


def changed(told, now):
    found = changes.of_replica(told, now)
    assert isinstance(found, changes.ReplicaChange)
    return found


def stored(store, machine_id="m1"):
    with store.reading() as tx:
        return [each.id for each in tx.statuses.get(machine_id).replica.points]


@pytest.mark.parametrize("there", [3, 300])
def test_a_new_point_reads_and_writes_as_much_however_many_there_are(facts, store, asked, there):
    told = replica_status(points=[point(seq) for seq in range(there)])
    facts.status(TARGET, Status(replicas=(told,)))
    asked.take()
    now = told.model_copy(update={"points": (*told.points[1:], point(there))})
    facts.status(TARGET, Status(replica_changes=(changed(told, now),)))
    kinds, rows, transactions = asked.take()
    assert (rows, transactions) == (1, 1), "one row, in the place of the one that went"
    assert not [each for each in kinds if each.startswith("SELECT") and "machine_points.point" in each]
    assert sorted(stored(store)) == sorted(each.id for each in now.points)


def test_points_are_told_whole_again_and_only_what_differs_is_written(facts, store, asked):
    told = replica_status(points=[point(seq) for seq in range(30)])
    facts.status(TARGET, Status(replicas=(told,)))
    facts.disconnected(TARGET)
    facts.connected(hello(TARGET))
    asked.take()
    now = told.model_copy(
        update={"points": (*told.points[2:9], told.points[9].model_copy(update={"damaged": True}))}
    )
    facts.status(TARGET, Status(replicas=(now,)))
    kinds, rows, _ = asked.take()
    assert not [each for each in kinds if each.startswith("SELECT") and "machine_points.point" in each]
    assert rows == 1 + 22 + 1, "the point that is damaged, those that went, and that the appliance was heard"
    assert stored(store) == [each.id for each in now.points]


def test_points_that_the_store_has_lost_are_all_written_with_the_next_change(facts, store):
    told = replica_status(points=[point(1), point(2)])
    facts.status(TARGET, Status(replicas=(told,)))
    with store.transaction() as tx:
        tx.statuses.remove("m1")
        tx.machines.remove("m1")
        tx.machines.add(machine())
    now = told.model_copy(update={"points": (*told.points, point(3))})
    facts.status(TARGET, Status(replica_changes=(changed(told, now),)))
    with store.reading() as tx:
        found = tx.session.execute(sqlalchemy.text("SELECT count(*) FROM machine_points")).scalar()
    assert found == 3


@pytest.mark.parametrize("count", [2, 60])
def test_statuses_that_are_written_together_cost_as_many_statements_as_those_of_two(
    facts, store, asked, count
):
    """A vault that knew nothing of any of them."""
    names = many(store, count)
    asked.take()
    facts.hear("appliance-a", Status(sources=tuple(map(source_status, names))))
    facts.hear(TARGET, Status(replicas=tuple(replica_status(each, [point(1)]) for each in names)))
    heard, _, _ = asked.take()
    assert len(heard) <= 4, "of each message once: which machines there are, and what they are"
    facts.write()
    written, _, transactions = asked.take()
    assert transactions == 1
    assert len(written) <= 14


def test_a_machine_that_changes_while_nothing_is_written_is_written_once(facts, store, asked):
    told = replica_status(points=[point(1)])
    facts.status(TARGET, Status(replicas=(told,)))
    asked.take()
    for seq in range(2, 40):
        now = told.model_copy(update={"points": (*told.points[-5:], point(seq))})
        facts.hear(TARGET, Status(replica_changes=(changed(told, now),)))
        told = now
    assert asked.take() == ([], 0, 0)
    facts.write()
    _, rows, transactions = asked.take()
    assert (rows, transactions) == (6, 1), "the points that there are now"
    assert stored(store) == [each.id for each in told.points]


def test_what_goes_first_is_written_with_so_many_others_as_were_asked_for(facts, store):
    names = many(store, 30)
    facts.hear(TARGET, Status(replicas=tuple(replica_status(each, [point(1)]) for each in names)))
    written = facts.write(first={"id29"}, at_most=5)
    assert written.is_behind
    assert written.signals == tuple(
        sorted(f"machine/{each}" for each in ("id29", "id0", "id1", "id2", "id3"))
    )
    rounds = 0
    while facts.write(at_most=10).is_behind:
        rounds += 1
    assert rounds <= 7, "the rest, and the figures"
    with store.reading() as tx:
        assert {each for each in names if tx.statuses.get(each).replica} == set(names)


def test_numbers_of_many_machines_are_written_with_one_statement(facts, store, asked):
    names = many(store, 40, generation=3, drill_generation=2)
    facts.status(TARGET, Status())
    asked.take()
    seen = dict.fromkeys(names, 3)
    facts.status(TARGET, Status(generations=seen, drill_generations={"id1": 2, "stranger": 9}))
    kinds, _, transactions = asked.take()
    assert (len(kinds), transactions) == (3, 1), (
        "which machines there are, their numbers, that the appliance was heard"
    )
    with store.reading() as tx:
        assert tx.statuses.generations(names) == seen
        assert tx.statuses.drill_generation("id1") == 2


def test_figures_of_neighbours_are_written_together_in_whatever_order_they_were_said(store, clock):
    """Each transaction writes every page that it touches."""
    facts = Intake(store, lambda _signal: None, clock)
    for side in "ab":
        facts.connected(hello(f"appliance-{side}"))
    names = sorted(many(store, 40))
    said = random.Random(7).sample(names, len(names))
    facts.hear("appliance-a", Status(sources=tuple(map(source_status, said))))
    facts.hear(TARGET, Status(replicas=tuple(replica_status(each, []) for each in said[::-1])))
    facts.write()
    clock.now += timedelta(minutes=2)
    figures = [changes.SourceFigures(machine_id=each, epoch=0, last_seq=9) for each in said]
    facts.hear("appliance-a", Status(source_figures=tuple(figures)))
    facts.hear(TARGET, Status())
    written = Written(store)
    while facts.write(at_most=20).is_behind:
        pass
    together = [sorted(machines) for machines in written.together if machines]
    assert [sorted(set(names) & set(part)) for part in together] == [
        names[n : n + 10] for n in range(0, 40, 10)
    ]


class Written:
    """The machines whose figures each transaction wrote."""

    def __init__(self, store):
        self.together: list[set[str]] = []
        with store.transaction() as tx:
            engine = tx.session.get_bind().engine
        statements.listen(engine, self._asked)

    def _asked(self, said):
        if said.startswith("BEGIN"):
            self.together.append(set())
        if said.startswith("INSERT INTO machine_figures"):
            self.together[-1].update(re.findall(r"'(id\d+)'", said))
