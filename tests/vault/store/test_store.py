"""The records, on SQLite and on PostgreSQL."""

import dataclasses
import gc
import threading
import weakref
from datetime import timedelta
from typing import Any, cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc, text

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.errors import Conflict, StoreUnavailable
from secondsite.domain.lifecycle import DrillState, State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground import threads
from secondsite.jobs.storage import tables as job_tables
from secondsite.vault.store import (
    ApplianceRecord,
    DrillNote,
    DrillRecord,
    InventoryRecord,
    KeyRecord,
    SiteRecord,
    StatusRecord,
    Store,
    TokenRecord,
    migrate,
)
from secondsite.vault.store.sql.columns import metadata
from secondsite.vault.store.sql.failures import translated
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.control.orders import Inventory
from secondsite.wire.rest.places import NetworkMapping
from tests.support.vault import NOW, machine, point, replica_status, source_status


@pytest.fixture
def store(database, database_url):
    migrate(database_url)
    store = Store(database)
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        tx.policies.put(ReplicationPolicy("default"))
    return store


def test_the_migrations_make_exactly_the_tables_of_the_program(database, database_url):
    migrate(database_url)
    migrate(database_url)
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, cast(Any, [metadata, job_tables.metadata]))
    assert [each for each in differences if "alembic_version" not in str(each)] == []


def test_a_machine_comes_back_as_it_was_put(store):
    drill = DrillRecord("p1", "f-drill", "web01-test", "net", True, NOW, "job-1")
    record = machine(drill=drill, drill_state=DrillState.RUNNING, failed_over_at=NOW)
    with store.transaction() as tx:
        tx.machines.add(record)
    with store.reading() as tx:
        assert tx.machines.get("m1") == record
        assert tx.machines.get("m1").state is State.PROTECTED
        assert tx.machines.get("m1").created_at.tzinfo is not None


def test_what_is_put_of_a_machine_that_was_made_anew_meanwhile_is_all_written(store):
    with store.transaction() as tx:
        tx.machines.add(machine())
    with store.transaction() as tx:
        before = tx.machines.get("m1")
        tx.machines.remove("m1")
        tx.machines.add(dataclasses.replace(before, name="anew", epoch=3))
        put = tx.machines.put(dataclasses.replace(before, state=State.FAILED_OVER))
    with store.reading() as tx:
        assert tx.machines.get("m1") == put


def test_a_change_that_rests_on_an_old_version_is_refused(store):
    with store.transaction() as tx:
        tx.machines.add(machine())
    with store.transaction() as tx:
        newer = tx.machines.put(dataclasses.replace(machine(), epoch=2))
    assert newer.version == 1
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.machines.put(dataclasses.replace(machine(), epoch=3))
    with store.reading() as tx:
        assert tx.machines.get("m1").epoch == 2


def test_a_change_writes_what_differs_from_what_the_transaction_has_read(store, database):
    if database.dialect.name != "sqlite":
        pytest.skip("SQLite tells what it is asked")
    with store.transaction() as tx:
        tx.machines.add(machine())
    said: list[str] = []
    with store.transaction() as tx:
        tx.session.connection().connection.dbapi_connection.set_trace_callback(said.append)
        read = tx.machines.get("m1")
        changed = tx.machines.put(dataclasses.replace(read, state=State.FAILING_OVER))
        tx.machines.put(dataclasses.replace(changed, job_id="j1"))
        tx.session.connection().connection.dbapi_connection.set_trace_callback(None)
    written = [each.partition(" WHERE ")[0] for each in said if each.startswith("UPDATE")]
    assert written == [
        "UPDATE machines SET state='failing_over', version=1",
        "UPDATE machines SET job_id='j1', version=2",
    ]
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(machine(), version=2, name="web02"))
    with store.reading() as tx:
        assert tx.machines.get("m1") == dataclasses.replace(machine(), version=3, name="web02")


def test_a_machine_comes_with_what_its_appliances_have_seen(store):
    with store.transaction() as tx:
        tx.machines.add(machine())
        assert tx.machines.get_with_seen("m1") == (machine(), (0, 0))
        tx.statuses.put_replica(replica_status("m1"), NOW)
    for opened in (store.transaction, store.reading):
        with opened() as tx:
            found, seen = tx.machines.get_with_seen("m1")
            assert (found, seen.generation) == (machine(), tx.statuses.generation("m1"))
            assert seen.drill_generation == tx.statuses.drill_generation("m1")
            with pytest.raises(errors.NotFound):
                tx.machines.get_with_seen("m2")


def test_a_machine_is_protected_once_whichever_of_its_sites_is_asked(store):
    with store.transaction() as tx:
        tx.machines.add(machine())
    again = machine("m2", source_site="b", target_site="a", source_fabric_id="t-m1")
    with pytest.raises(errors.AlreadyExists, match="web01"), store.transaction() as tx:
        tx.machines.add(again)


def test_a_name_that_two_machines_have_is_refused_and_their_ids_are_named(store):
    with store.transaction() as tx:
        tx.machines.add(machine("m1", "web"))
        tx.machines.add(machine("m2", "web"))
        assert tx.machines.find("m2").id == "m2"
        with pytest.raises(errors.InvalidArgument) as refused:
            tx.machines.find("web")
    assert "m1" in refused.value.do
    assert "m2" in refused.value.do


def test_what_fails_in_a_transaction_leaves_nothing_behind(store):
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.machines.add(machine())
        raise RuntimeError("broken off")
    with store.reading() as tx:
        assert tx.machines.list() == []


def test_both_sides_of_a_status_are_kept_apart_and_go_with_their_machine(store):
    replica = replica_status(points=[point(1)])
    with store.transaction() as tx:
        tx.machines.add(machine())
        tx.statuses.put_source(source_status(), NOW)
        tx.statuses.put_replica(replica, NOW)
        tx.statuses.put_source(source_status(last_seq=7), NOW + timedelta(seconds=1))
    with store.transaction() as tx:
        status = tx.statuses.get("m1")
        assert (status.source.last_seq, status.replica, status.replica_at) == (7, replica, NOW)
        tx.machines.remove("m1")
    with store.transaction() as tx:
        tx.statuses.put_source(source_status(), NOW)
        assert tx.statuses.get("m1") == StatusRecord("m1")


def test_a_status_is_read_without_its_points_and_whether_it_is_fenced_without_the_rest(store):
    replica = replica_status(points=[point(1), point(2)], runs=("failover",))
    with store.transaction() as tx:
        for name in ("m1", "m2", "m3"):
            tx.machines.add(machine(name, f"name-{name}"))
        tx.statuses.put([(source_status(fenced=True), NOW), (replica, NOW), (source_status("m2"), NOW)])
    with store.reading() as tx:
        bare, whole = tx.statuses.without_points("m1"), tx.statuses.get("m1")
        assert dataclasses.replace(bare, replica=replica) == whole
        assert bare.replica.points == ()
        assert tx.statuses.without_points("m3") == StatusRecord("m3")
        assert tx.statuses.fenced(["m1", "m2", "m3", "gone"]) == {"m1"}
        assert tx.statuses.fenced([]) == set()


def test_who_has_a_whole_point_is_said_without_reading_points(store):
    points = {"m1": [point(1), point(2, damaged=True)], "m2": [point(1, damaged=True)], "m3": []}
    with store.transaction() as tx:
        for name, known in points.items():
            tx.machines.add(machine(name, f"name-{name}"))
            tx.statuses.put_replica(replica_status(name, known), NOW)
    with store.reading() as tx:
        assert tx.statuses.with_whole_points(["m1", "m2", "m3", "gone"]) == {"m1"}


def test_of_two_numbers_that_two_vaults_hear_at_once_the_highest_stays(store, database):
    with store.transaction() as tx:
        tx.machines.add(machine())
        tx.statuses.put_numbers({"m1": (1, 0)})

    def hear_late():
        with store.transaction() as tx:
            tx.statuses.put_numbers({"m1": (5, 0)})

    late = threads.worker("late", hear_late)
    with store.transaction() as tx:
        tx.statuses.put_numbers({"m1": (7, 0)})
        late.start()
        if database.dialect.name == "postgresql":
            eventually(lambda: _somebody_waits(database))
    late.join(20)
    with store.reading() as tx:
        assert tx.statuses.generation("m1") == 7


def _somebody_waits(database):
    """For a row that another transaction has changed."""
    with database.connect() as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return connection.execute(text(waiting)).scalar_one()


def test_of_two_that_use_a_key_at_once_one_is_refused(store):
    with store.transaction() as tx:
        tx.keys.add(KeyRecord("digest", "a", NOW + timedelta(hours=1)))
    outcomes = []

    def use():
        try:
            with store.transaction() as tx:
                outcomes.append(tx.keys.use("digest", NOW).site)
        except errors.RegistrationRefused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["a", "registration-refused"]


def test_a_key_that_is_old_or_unknown_is_refused(store):
    with store.transaction() as tx:
        tx.keys.add(KeyRecord("digest", "a", NOW))
        with pytest.raises(errors.RegistrationRefused, match="expired"):
            tx.keys.use("digest", NOW)
        with pytest.raises(errors.RegistrationRefused, match="does not know"):
            tx.keys.use("other", NOW)


def test_appliances_mappings_notes_and_tokens_are_listed_in_order(store):
    note = DrillNote("m1", "all fine", "p1", NOW, NOW + timedelta(minutes=5), "admin")
    mapping = NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
    with store.transaction() as tx:
        for number in (2, 1):
            at = NOW + timedelta(seconds=number)
            tx.appliances.put(ApplianceRecord(f"id{number}", "one", "a", at, at))
        tx.networks.put(mapping.model_copy(update={"target_network": "old"}))
        tx.networks.put(mapping)
        tx.drill_notes.add(note)
        tx.tokens.add(TokenRecord("admin", "digest", NOW))
    with store.reading() as tx:
        assert [appliance.id for appliance in tx.appliances.list("a")] == ["id1", "id2"]
        assert tx.networks.list("a", "b") == [mapping]
        assert tx.drill_notes.list("m1") == [note]
        assert tx.tokens.find("digest").name == "admin"


def test_of_a_machines_many_drill_notes_the_newest_are_shown_oldest_first(store):
    began = [NOW + timedelta(days=day) for day in range(25)]
    with store.transaction() as tx:
        for at in reversed(began):
            tx.drill_notes.add(DrillNote("m1", "", "p1", at, at, "nightly"))
    with store.reading() as tx:
        assert [note.started_at for note in tx.drill_notes.newest("m1")] == began[5:]
        assert [note.started_at for note in tx.drill_notes.list("m1")] == began


def test_records_that_others_refer_to_stay(store):
    with store.transaction() as tx:
        tx.machines.add(machine())
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.policies.remove("default")
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.sites.remove("b")


def test_a_reader_sees_one_instant_and_holds_up_no_writer(store):
    with store.reading() as reader:
        assert reader.sites.find("c") is None
        with store.transaction() as tx:
            tx.sites.add(SiteRecord("c", NOW))
    with store.reading() as reader:
        assert reader.sites.find("c")


def test_sqlite_waits_for_the_disk_and_keeps_references(tmp_path):
    url = f"sqlite:///{tmp_path / 'vault.db'}"
    migrate(url)
    from secondsite.jobs.storage import database

    db = database.connect(url)
    with db.connect() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    db.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 20000}


def test_a_database_that_cannot_be_opened_is_said_so(tmp_path):
    with pytest.raises(StoreUnavailable) as refused:
        migrate(f"sqlite:///{tmp_path / 'missing' / 'vault.db'}")
    assert refused.value.do


def test_what_the_database_says_is_told_without_the_statement_and_its_values():
    said = exc.OperationalError("SELECT column_of_mine", {"secret": "s3cret"}, Exception("disk I/O error"))
    with pytest.raises(StoreUnavailable) as refused, translated():
        raise said
    assert refused.value.message == "The vault's database failed: disk I/O error"


def test_what_was_written_does_not_stay_in_memory_with_the_statement(store):
    def write():
        inventory = Inventory(machines=(), networks=())
        with store.transaction() as tx:
            tx.inventories.put(InventoryRecord("a", NOW, inventory))
        return weakref.ref(inventory)

    written = write()
    gc.collect()
    assert written() is None


def test_what_is_set_for_a_machine_is_read_by_the_driver_itself(store, database):
    """A failover asks a dozen times: through SQLAlchemy that was a tenth of its processor time."""
    if database.dialect.name != "sqlite":
        pytest.skip("elsewhere all is SQLAlchemy's")
    with store.reading() as tx:
        assert (tx.settings.cards("m1"), tx.checks.find("m1")) == ((), ())
        assert tx.properties.find("m1") == TargetProperties()
        assert tx.session.direct is not None
