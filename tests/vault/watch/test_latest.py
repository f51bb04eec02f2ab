"""What is known of many machines at once."""

from secondsite.wire.control import Status
from tests.support.vault import NOW, machine, source_status
from tests.vault.support_intake import Intake


def test_what_is_known_of_many_machines_is_asked_of_the_store_once(store):
    facts = Intake(store, lambda _signal: None, lambda: NOW)
    with store.transaction() as tx:
        for name in ("m2", "m3"):
            tx.machines.add(machine(name, name))
            tx.statuses.put_source(source_status(name, last_seq=3), NOW)
    facts.status("appliance-a", Status(sources=(source_status("m2", last_seq=5),)))
    asked: list[str] = []
    with store.reading() as tx:
        tx.session.connection().connection.dbapi_connection.set_trace_callback(asked.append)
        found = facts.latest_of(tx, ["m1", "m2", "m3"])
    assert [each.source and each.source.last_seq for each in found.values()] == [None, 5, 3]
    assert len([each for each in asked if each.startswith("SELECT")]) == 3, "documents, figures and points"
