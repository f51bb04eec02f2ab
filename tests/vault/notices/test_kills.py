"""Nothing that happened is lost, whoever is killed: it is told at least once, under the same id."""

import json
import signal

import pytest

from rig.eventually import eventually
from secondsite.entry import settings
from secondsite.jobs.storage import database
from secondsite.vault.store import SiteRecord, Store
from tests.support.vault import NOW, machine

pytestmark = pytest.mark.slow
MACHINES = 50
PROGRAM = """
import sys, pathlib
from secondsite.entry import vault_main
from secondsite.vault.notices import couriers, notifier
notifier.LOOK_SECONDS, notifier.BUSY_SECONDS, couriers.FIRST_PAUSE_SECONDS = 0.3, 0.1, 0.2
couriers.LONGEST_PAUSE_SECONDS, notifier.FINDINGS_SECONDS = 0.5, 0.0
vault_main.run(pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def store(made):
    db = database.connect(made.settings.database_url)
    yield Store(db)
    db.dispose()


@pytest.fixture
def unreachable(made, store):
    """Machines whose appliances are gone, and a vault that does not wait for these."""
    settings.write(made.token_file.parent, made.settings.model_copy(update={"notices_settle_seconds": 0.0}))
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        for number in range(MACHINES):
            tx.machines.add(machine(f"m{number}", f"web{number:02}"))


def target(server, **changes):
    return {"name": "hook", "pace_seconds": 0, "wanted": {"findings": "critical"}, **server.target(**changes)}


def told(server):
    """Ids of messages, and of the notices in them, as they came."""
    bodies = [json.loads(each.body) for each in server.posts]
    return [
        (body["id"], tuple(sorted(one["id"] for group in body["groups"] for one in group["notices"])))
        for body in bodies
    ]


def delivery(vault, made):
    return vault.get("/notices/targets/hook", made.token)["delivery"]


def test_a_vault_that_is_killed_while_it_sends_sends_the_same_message_again(
    start, made, unreachable, web_server
):
    server = web_server()
    server.gate.clear()
    vault = start(PROGRAM)
    vault.post("/notices/targets", made.token, target(server))
    eventually(lambda: server.posts, within_seconds=30)
    vault.end(signal.SIGKILL)
    server.gate.set()
    vault = start(PROGRAM)
    eventually(lambda: delivery(vault, made)["sent_at"], within_seconds=30)
    first, again = told(server)
    assert first == again
    assert len(first[1]) == MACHINES
    assert delivery(vault, made)["waiting"] == 0
    vault.end()


def test_what_was_found_and_not_sent_before_a_kill_is_sent_after_it_and_so_is_what_happened_meanwhile(
    start, made, unreachable, web_server, store
):
    server = web_server()
    server.statuses = [500] * 1000
    vault = start(PROGRAM)
    vault.post("/notices/targets", made.token, target(server))
    eventually(lambda: delivery(vault, made)["failures"] >= 2, within_seconds=30)
    shown = delivery(vault, made)
    assert shown["said"] == "It answered 500 Internal Server Error."
    assert shown["waiting"] == MACHINES
    vault.end(signal.SIGKILL)
    with store.transaction() as tx:
        tx.machines.add(machine("late", "late"))
        tx.machines.remove("m0")
    server.statuses = []
    server.posts.clear()
    vault = start(PROGRAM)
    eventually(lambda: len(told(server)) >= 2, within_seconds=30)
    (_, first), (_, then), *_ = told(server)
    assert len(first) == MACHINES
    groups = json.loads(server.posts[1].body)["groups"]
    assert {(each["kind"], one["about"]) for each in groups for one in each["notices"]} == {
        ("finding", "late"),
        ("finding-gone", "web00"),
    }
    assert not set(first) & set(then)
    vault.end()
