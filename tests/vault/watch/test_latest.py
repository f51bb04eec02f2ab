"""What is known of many machines at once."""

from datetime import timedelta

from secondsite.wire.control import Status
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake


def test_what_is_known_of_many_machines_is_asked_of_the_store_once_and_read_again_once_it_changes(store):
    facts = Intake(store, lambda _signal: None, lambda: NOW)
    with store.transaction() as tx:
        for name in ("m2", "m3", "m4"):
            tx.machines.add(machine(name, name))
            tx.statuses.put_source(source_status(name, last_seq=3), NOW)
            tx.statuses.put_replica(replica_status(name, points=(point(1),)), NOW)
    facts.status("appliance-a", Status(sources=(source_status("m2", last_seq=5),)))
    facts.status("appliance-b", Status(replicas=(replica_status("m4", points=(point(1), point(2))),)))
    assert seqs(store, facts) == ([None, 5, 3, 3], 1 + 3 + 2), (
        "editions, documents, figures, and two's points"
    )
    assert seqs(store, facts) == ([None, 5, 3, 3], 1), "editions alone"
    with store.transaction() as tx:
        tx.statuses.put_source(source_status("m3", last_seq=4), NOW + timedelta(seconds=1))
        tx.statuses.put_numbers({"m4": (7, 8)})
    assert seqs(store, facts) == ([None, 5, 4, 3], 1 + 3 + 2)
    with store.reading() as tx:
        found = facts.latest_of(tx, ["m3", "m4"])
    assert [len(each.replica.points) if each.replica else 0 for each in found.values()] == [1, 2]
    assert found["m4"].generation == 7


def test_what_another_process_may_write_is_read_each_time(store):
    facts = Intake(store, lambda _signal: None, lambda: NOW, lambda _appliance_id: False)
    with store.transaction() as tx:
        tx.machines.add(machine("m2", "m2"))
        tx.statuses.put_source(source_status("m2", last_seq=3), NOW)
    for _ in range(2):
        assert seqs(store, facts) == ([None, 3, None, None], 3)


def seqs(store, facts):
    """What is known of four machines, and how many questions it took."""
    asked: list[str] = []
    with store.reading() as tx:
        tx.session.connection().connection.dbapi_connection.set_trace_callback(asked.append)
        found = facts.latest_of(tx, ["m1", "m2", "m3", "m4"])
        tx.session.connection().connection.dbapi_connection.set_trace_callback(None)
    said = [each.source and each.source.last_seq for each in found.values()]
    return said, len([each for each in asked if each.startswith("SELECT")])
