"""Two vault processes hear statuses: what the one hears after an appliance came to it counts, in both."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs.storage import database
from secondsite.jobs.storage.lease import Member
from secondsite.jobs.storage.tables import engines
from secondsite.vault.fleet.signals import Signals
from secondsite.vault.store import ApplianceRecord, SiteRecord, Store, migrate
from secondsite.wire.control import Hello, Status
from tests.support.postgres import postgres, postgres_url
from tests.support.vault import NOW, machine, source_status
from tests.vault.support_intake import Intake

pytestmark = pytest.mark.always

__all__ = ["postgres", "postgres_url"]

APPLIANCE = "appliance-a"
HELLO = Hello(
    appliance_id=APPLIANCE, site="a", version="1", fabric_kind="simulated", accelerated=False,
    data_addresses=()
)  # fmt: skip


class Process:
    """The part of a vault process that hears statuses. `holds` of others is asked at once, not a second
    later."""

    def __init__(self, db, number):
        member = Member(f"vault-{number}", 1)
        with db.begin() as connection:
            until = connection.execute(select(func.clock_timestamp())).scalar_one() + timedelta(minutes=1)
            row = {"owner": member.owner, "epoch": 1, "started_at": until, "expires_at": until}
            connection.execute(engines.insert().values(**row))
        self.store = Store(db, lambda: member)
        self.now = NOW
        self.facts = Intake(self.store, lambda _: None, lambda: self.now, self._is_elsewhere)

    def _is_elsewhere(self, appliance_id):
        with self.store.reading() as tx:
            return appliance_id in tx.links.elsewhere()

    def hears(self, last_seq):
        self.facts.status(APPLIANCE, Status(sources=(source_status("m1", last_seq=last_seq),)))

    def passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    def shows(self):
        with self.store.reading() as tx:
            return seq_of(self.facts.latest(tx, "m1"))

    def kept(self):
        with self.store.reading() as tx:
            return seq_of(tx.statuses.get("m1"))


def seq_of(record):
    return record.source and record.source.last_seq


@pytest.fixture
def processes(postgres_url):
    migrate(postgres_url)
    db = database.connect(postgres_url)
    with Store(db).transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
            tx.appliances.put(ApplianceRecord(f"appliance-{site}", site, site, NOW, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    yield Process(db, 1), Process(db, 2)
    db.dispose()


def connected(processes):
    with processes[0].store.reading() as tx:
        return tx.appliances.find(APPLIANCE).connected


@pytest.fixture
def moved(processes):
    """Its appliance was heard by the first, and then by the second, to which it is connected now."""
    for process, seq in zip(processes, (3, 4), strict=True):
        process.facts.connected(HELLO)
        process.hears(seq)
    return processes


@pytest.mark.slow
@pytest.mark.postgresql
def test_the_end_of_an_older_connection_takes_nothing_back(moved):
    one, other = moved
    one.facts.disconnected(APPLIANCE)
    assert connected(moved)
    assert (one.shows(), other.shows(), one.kept()) == (4, 4, 4)


@pytest.mark.slow
@pytest.mark.postgresql
def test_what_arrives_late_over_an_older_connection_is_not_written(moved):
    one, other = moved
    one.passes(60)
    one.hears(3)
    assert (one.shows(), other.shows(), one.kept()) == (4, 4, 4)


@pytest.mark.slow
@pytest.mark.postgresql
def test_an_appliance_that_comes_back_is_heard_anew(moved):
    one, other = moved
    one.facts.disconnected(APPLIANCE)
    other.facts.disconnected(APPLIANCE)
    one.facts.connected(HELLO)
    assert (one.shows(), other.shows()) == (4, 4), "not what it heard before"
    one.hears(3)
    assert (one.shows(), one.kept()) == (3, 3), "an appliance that was put back says so"


@pytest.mark.slow
@pytest.mark.postgresql
def test_the_appliances_of_a_process_that_died_are_not_connected(processes):
    one, other = processes
    one.facts.connected(HELLO)
    with other.store.transaction() as tx:
        tx.session.execute(engines.update().where(engines.c.owner == "vault-1").values(epoch=2))
    with other.store.transaction() as tx:
        other.facts.lost(tx, tx.links.drop_dead())
    assert not connected(processes)


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_process_that_starts_leaves_the_connections_of_others(processes):
    one, other = processes
    one.facts.connected(HELLO)
    other.facts.start()
    assert connected(processes)


def test_what_followers_and_settings_depend_on_is_told_to_other_processes_and_wakes_no_job_twice():
    here, there = Signals(), Signals()
    heard: list[str] = []
    woken: list[tuple[str, str]] = []
    here.tell_others(there.from_afar)
    here.connect(lambda key, of_one: woken.append(("here", key)))
    there.connect(lambda key, of_one: woken.append(("there", key)))
    there.overhear("machine/", heard.append)
    there.divert(("policy/",), heard.append)
    for key in ("machine/m1", "policy/p", "order/o1"):
        here(key)
    assert heard == ["machine/m1", "policy/p"]
    assert woken == [("here", "machine/m1"), ("here", "policy/p"), ("here", "order/o1")]
