"""What the database refuses of one machine holds back nothing of the others."""

import pytest
import sqlalchemy

from secondsite.domain import errors
from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database
from secondsite.vault.store import ApplianceRecord, SiteRecord, Store, migrate
from secondsite.wire.control import Hello, Status
from tests.support.postgres import postgres, postgres_url
from tests.support.vault import NOW, machine, point, replica_status
from tests.vault.support_intake import Intake

__all__ = ["postgres", "postgres_url"]

TARGET = "appliance-b"
NAMES = [f"id{number}" for number in range(5)]


def intake(store, signals=lambda _key: None):
    facts = Intake(store, signals, lambda: NOW)
    for side in "ab":
        facts.connected(
            Hello(
                appliance_id=f"appliance-{side}", site="a", version="1", fabric_kind="simulated",
                accelerated=False,
                data_addresses=(), says_changes=True,
            )
        )  # fmt: skip
    return facts


@pytest.fixture
def named(store):
    with store.transaction() as tx:
        for each in NAMES:
            tx.machines.add(machine(each, each))
    return store


def refuse(store, what):
    """From now on the database takes no points of this machine."""
    with store.transaction() as tx:
        tx.session.execute(
            sqlalchemy.text(
                f"CREATE TRIGGER refused BEFORE INSERT ON machine_points WHEN NEW.machine_id = '{what}' "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        )


def accept(store):
    with store.transaction() as tx:
        tx.session.execute(sqlalchemy.text("DROP TRIGGER refused"))


def stored(store):
    with store.reading() as tx:
        return {each for each in NAMES if tx.statuses.get(each).replica}


def said(*seqs):
    points = [point(seq) for seq in seqs]
    return Status(replicas=tuple(replica_status(each, points) for each in NAMES))


def test_all_others_are_written_and_told_of(named):
    facts = intake(named)
    refuse(named, "id2")
    facts.hear(TARGET, said(1))
    written = facts.write(first={"id1"})
    assert stored(named) == set(NAMES) - {"id2"}
    assert set(written.signals) == {f"machine/{each}" for each in NAMES if each != "id2"}
    assert not written.is_behind, "it is not tried again and again"


def test_what_was_refused_is_written_with_what_is_said_next(named):
    facts = intake(named)
    refuse(named, "id2")
    facts.status(TARGET, said(1))
    accept(named)
    facts.status(TARGET, said(1, 2))
    with named.reading() as tx:
        assert [len(tx.statuses.get(each).replica.points) for each in NAMES] == [2] * 5


def test_a_machine_that_goes_first_and_is_refused_is_told_of_to_nobody(named):
    facts = intake(named)
    refuse(named, "id2")
    facts.hear(TARGET, said(1))
    assert "machine/id2" not in facts.write(first={"id2"}, at_most=1).signals


def test_numbers_of_machines_whose_ids_no_database_can_hold_hold_back_nothing(postgres_url):
    migrate(postgres_url)
    db = database.connect(postgres_url)
    store = Store(db)
    with store.transaction() as tx:
        for site in "ab":
            tx.sites.add(SiteRecord(site, NOW))
            tx.appliances.put(ApplianceRecord(f"appliance-{site}", site, site, NOW, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    facts = intake(store)
    facts.hear("appliance-a", Status(generations={"m\0": 3}))
    facts.hear(TARGET, Status(replicas=(replica_status(points=[point(1)]),), generations={"m1": 7}))
    facts.write()
    facts.write()
    with store.reading() as tx:
        assert tx.statuses.get("m1").replica
        assert tx.statuses.generation("m1") == 7
    db.dispose()


def test_a_database_that_is_away_is_asked_once(named):
    facts = intake(named)
    facts.hear(TARGET, said(1))
    asked: list[None] = []
    with named.transaction() as tx:
        engine = tx.session.get_bind().engine

    @sqlalchemy.event.listens_for(engine, "begin")
    def away(_connection):
        asked.append(None)
        raise sqlalchemy.exc.OperationalError("", {}, Exception("away"))

    with pytest.raises(errors.StoreUnavailable):
        facts.write()
    assert len(asked) == 1
    sqlalchemy.event.remove(engine, "begin", away)
    assert facts.write().signals
    assert stored(named) == set(NAMES)


def test_a_point_that_went_after_a_commit_whose_end_nobody_heard_is_not_kept(named):
    facts = intake(named)
    facts.status(TARGET, said())
    facts.hear(TARGET, said(1))
    with named.transaction() as tx:
        engine = tx.session.get_bind().engine

    @sqlalchemy.event.listens_for(engine, "commit")
    def unheard(connection):
        connection.connection.commit()
        raise sqlalchemy.exc.OperationalError("", {}, Exception("lost"))

    with pytest.raises(errors.StoreUnavailable):
        facts.write()
    sqlalchemy.event.remove(engine, "commit", unheard)
    facts.hear(TARGET, said())
    facts.write()
    with named.reading() as tx:
        assert [tx.statuses.get(each).replica.points for each in NAMES] == [()] * 5


def test_what_was_heard_just_before_a_connection_ended_is_told_of(named):
    facts = intake(named)
    facts.hear(TARGET, said(1))
    facts.disconnected(TARGET)
    assert "machine/id2" in facts.write().signals


@pytest.mark.parametrize("returns", [False, True])
def test_an_end_that_the_busy_database_did_not_take_is_written_with_the_next_facts(
    named, monkeypatch, returns
):
    """Else the appliance counts as connected until it connects again, and nobody misses it."""
    facts = intake(named)

    def busy():
        raise errors.StoreUnavailable("The database is busy.", do="Wait.")

    with monkeypatch.context() as patch:
        patch.setattr(named, "transaction", busy)
        with pytest.raises(errors.StoreUnavailable):
            facts.disconnected(TARGET)
        with pytest.raises(errors.StoreUnavailable):
            facts.write()
    if returns:
        facts.connected(Hello(appliance_id=TARGET, site="b", version="1", fabric_kind="simulated",
                              accelerated=False, data_addresses=(), says_changes=True))  # fmt: skip
    facts.write()
    with named.reading() as tx:
        assert tx.appliances.find(TARGET).connected is returns
