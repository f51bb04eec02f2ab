"""Machines by page, and each version of one decoded once; on SQLite and on PostgreSQL."""

import dataclasses

import pytest
from sqlalchemy import exc, text

from secondsite.domain import errors
from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.store import MachineFilter, SiteRecord, Store, migrate
from secondsite.vault.store.machines import machine_cache as decoded_machines
from tests.support.vault import NOW, machine, replica_status, source_status

pytestmark = pytest.mark.slow

EVERY = MachineFilter()


@pytest.fixture
def store(database, database_url):
    """Seven machines, of which two have one name, between three sites."""
    migrate(database_url)
    store = Store(database)
    with store.transaction() as tx:
        for site in ("a", "b", "c"):
            tx.sites.add(SiteRecord(site, NOW))
        for policy in ("default", "other"):
            tx.policies.put(ReplicationPolicy(policy))
        for number in (6, 2, 4, 0, 5, 1, 3):
            state = State.FAILED_OVER if number == 3 else State.PROTECTED
            sites = {
                "target_site": "b" if number < 4 else "c",
                "policy": "other" if number % 2 else "default",
            }
            tx.machines.add(machine(f"id{number}", f"m{min(number, 5)}", state=state, **sites))
    return store


@pytest.fixture
def decoded(monkeypatch):
    """How many machines were decoded."""
    found, some = [], decoded_machines.SOME

    class Counted:
        def all(self, session, keys):
            read = list(some.all(session, keys))
            found.extend(read)
            return read

    monkeypatch.setattr(decoded_machines, "SOME", Counted())
    return found


def page(store, wanted=EVERY, limit=100, after=None):
    with store.reading() as tx:
        return [each.id for each in tx.machines.page(wanted, limit, after)]


def test_a_page_goes_on_behind_a_name_and_an_id(store):
    assert page(store, limit=3) == ["id0", "id1", "id2"]
    assert page(store, limit=3, after=("m2", "id2")) == ["id3", "id4", "id5"]
    assert page(store, after=("m5", "id5")) == ["id6"]
    assert page(store, after=("m5", "id6")) == []


def test_a_page_has_only_what_is_wanted(store):
    assert page(store, MachineFilter(sites=frozenset({"c"}))) == ["id4", "id5", "id6"]
    assert page(store, MachineFilter(sites=frozenset({"a", "b"}))) == ["id0", "id1", "id2", "id3"]
    assert page(store, MachineFilter(sites=frozenset({"b", "c"}))) == []
    assert page(store, MachineFilter(states=frozenset({State.FAILED_OVER}), policy="other")) == ["id3"]
    assert page(store, MachineFilter(policy="other"), 2, ("m1", "id1")) == ["id3", "id5"]
    assert page(store, MachineFilter(group="none")) == []


def test_only_a_pages_machines_are_decoded_and_each_version_once(store, decoded):
    page(store, limit=3)
    assert len(decoded) == 3
    page(store, limit=4)
    assert len(decoded) == 4
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("id2"), encrypted=True))
    decoded.clear()
    with store.reading() as tx:
        assert [each.encrypted for each in tx.machines.page(EVERY, 4)] == [False, False, True, False]
        assert tx.machines.get("id2").encrypted
    assert len(decoded) == 1


def test_what_is_written_and_not_committed_is_remembered_by_nobody(store):
    page(store)
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("id2"), encrypted=True))
        assert tx.machines.page(EVERY, 3)[2].encrypted
        raise RuntimeError
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("id2"), start_ordered=True))
    with store.reading() as tx:
        found = tx.machines.get("id2")
    assert (found.version, found.encrypted, found.start_ordered) == (1, False, True)


def test_a_machine_that_went_is_in_no_page(store):
    page(store)
    with store.transaction() as tx:
        tx.machines.remove("id1")
    assert page(store, limit=3) == ["id0", "id2", "id3"]


def test_many_are_found_by_id_or_name_as_one_is(store):
    with store.reading() as tx:
        found = tx.machines.find_all(("id2", "m1", "m0", "nobody", "id6"))
        assert {name: each.id for name, each in found.items()} == {
            "id2": "id2", "m1": "id1", "m0": "id0", "id6": "id6",
        }  # fmt: skip
        assert set(tx.machines.find_all(("m1", "m4"), "c")) == {"m4"}
        with pytest.raises(errors.InvalidArgument, match="2 machines are named 'm5'"):
            tx.machines.find_all(("m1", "m5"))


def test_a_machine_is_found_at_whichever_site_it_is_a_copy_of(store):
    with store.reading() as tx:
        some = tx.machines.get("id3")
        assert [each.id for each in tx.machines.anywhere(some.source_fabric_id)] == ["id3"]
        assert [each.id for each in tx.machines.anywhere(some.target_fabric_id)] == ["id3"]
        assert tx.machines.anywhere("nowhere") == []


def test_the_numbers_of_many_machines_are_those_of_each(store):
    with store.transaction() as tx:
        tx.statuses.put_numbers({"id1": (7, 0), "id2": (0, 9)})
        assert tx.statuses.generations(["id1", "id2", "id3"]) == {"id1": 7, "id2": 0}
        assert tx.statuses.generations(["id1", "id2"], of_drills=True) == {"id1": 0, "id2": 9}


def test_the_epochs_that_were_said_are_those_of_the_statuses(store):
    with store.transaction() as tx:
        assert tx.statuses.epochs("id1") == (None, None)
        tx.statuses.put_numbers({"id1": (7, 0)})
        assert tx.statuses.epochs("id1") == (None, None)
        tx.statuses.put_source(source_status("id1").model_copy(update={"epoch": 5}), NOW)
        assert tx.statuses.epochs("id1") == (5, None)
        tx.statuses.put_replica(replica_status("id1").model_copy(update={"epoch": 3}), NOW)
        assert tx.statuses.epochs("id1") == (5, 3)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_after_a_lost_connection_every_machine_is_decoded_anew(store, database, decoded):
    """A standby that took over may have given the number of a version to another."""
    page(store)
    with pytest.raises(exc.DBAPIError), database.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    decoded.clear()
    page(store)
    assert len(decoded) == 7


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "wanted",
    [
        EVERY,
        MachineFilter(policy="other"),
        MachineFilter(frozenset({"a", "b"}), frozenset({State.PROTECTED})),
    ],
    ids=["every", "policy", "all else"],
)
@pytest.mark.parametrize("after", [None, ("m2", "id2")], ids=["first", "following"])
def test_which_machines_a_page_has_is_read_from_an_index_alone(store, wanted, after):
    asked: list[str] = []
    with store.reading() as tx:
        connection = tx.session.connection()
        connection.connection.dbapi_connection.set_trace_callback(asked.append)
        tx.machines.page(wanted, 3, after)
        connection.connection.dbapi_connection.set_trace_callback(None)
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}").all()
    (how,) = [each.detail for each in plan if "machines" in each.detail]
    assert "USING COVERING INDEX ix_machines_page" in how


def test_what_a_small_table_holds_is_made_anew_once_it_has_changed(store):
    with store.reading() as tx:
        first, again = tx.policies.list(), tx.policies.list()
    with store.transaction() as tx:
        tx.policies.put(ReplicationPolicy("default", rpo_threshold_seconds=7200))
        within = tx.policies.list()
    with store.reading() as tx:
        after = tx.policies.list()
    assert first == again != within == after
    assert {policy.name: policy.rpo_threshold_seconds for policy, _ in after}["default"] == 7200
