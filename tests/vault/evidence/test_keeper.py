"""Evidence is made once of each failover or drill that has ended, together with its entry in the audit
log, and stays."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, text, update

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.access import evidence
from secondsite.domain.access.chain import Entry, Outcome
from secondsite.domain.lifecycle import Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.job_states import JobState
from secondsite.jobs.storage import database
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.evidence import goals
from secondsite.vault.evidence.keeper import Keeper
from secondsite.vault.store import EvidenceRecord, RecoveredRecord, SiteRecord, Store, migrate
from secondsite.vault.store.audit import Audit
from tests.support.vault import NOW, machine


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]
)
def store(request, tmp_path):
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'vault.db'}" if is_sqlite else request.getfixturevalue("postgres_url")
    migrate(url)
    engine = database.connect(url)
    yield Store(engine)
    engine.dispose()


def end(store, job_id, verb="test_failover", state=JobState.SUCCEEDED, arguments=None, **values):
    with store.transaction() as tx:
        tx.session.execute(
            insert(jobs).values(
                id=job_id, name=verb, subject="m1", subject_name="<b>web01</b>", arguments=arguments or {},
                state=state,
                attempt=1, requested_by="anna", created_at=NOW - timedelta(minutes=2),
                started_at=NOW - timedelta(minutes=2), ended_at=NOW, ready_at=NOW, cancel_requested=False,
                claim_epoch=0, **values,
            )
        )  # fmt: skip


def keeper(store):
    return Keeper(store, "north", lambda: NOW, lambda: NOW)


def kept(store):
    with store.reading() as tx:
        return tx.evidence.find(100, None), list(tx.audit.chain())


def test_several_who_find_the_same_keep_it_once_and_the_audit_log_names_its_digest(store):
    end(store, "j1")
    end(store, "j2", "failover", JobState.FAILED)
    end(store, "j3", "enable_protection")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: one.look(), [keeper(store) for _ in range(4)]))
    found, log = kept(store)
    assert {each.id for each in found} == {"j1-1", "j2-1"}
    assert len(log) == 2
    for each in found:
        entry = log[each.number - 1]
        assert evidence.verdict(json.loads(each.document), entry, log).wrong == ()
        assert json.loads(each.document)["machines"][0]["name"] == "<b>web01</b>"


@pytest.fixture
def machines(postgres_url):
    """Those of a vault on PostgreSQL."""
    migrate(postgres_url)
    engine = database.connect(postgres_url)
    store = Store(engine)
    with store.transaction() as tx:
        for site in ("a", "b"):
            tx.sites.add(SiteRecord(site, NOW))
        tx.policies.put(ReplicationPolicy("default"))
        tx.machines.add(machine())
    yield store
    engine.dispose()


@pytest.mark.slow
@pytest.mark.postgresql
def test_who_writes_to_a_machine_meanwhile_is_in_nobodys_way(machines, monkeypatch):
    """As a person who starts the next verb: the machine first, the audit log last. Evidence was written
    the other way round, and PostgreSQL ended one of the two after a second."""
    recovered = RecoveredRecord(NOW, Verb.FAILOVER, 5.0)
    monkeypatch.setattr(goals, "recovered", lambda *_: {"m1": recovered})
    end(machines, "j1", "failover")
    keeps = keeper(machines)
    with ThreadPoolExecutor(1) as pool:
        with machines.transaction() as tx:
            tx.machines.put(replace(tx.machines.get("m1"), generation=7))
            looked = pool.submit(keeps.look)
            eventually(lambda: waits_for_a_lock(machines), 20)
            tx.audit.append(Entry(NOW, "anna", "", "", "commit", "/machines/m1", Outcome.DONE))
        looked.result(20)
    assert kept(machines)[0] == [], "the machine is another one than was read"
    keeps.look()
    assert [each.id for each in kept(machines)[0]] == ["j1-1"]
    with machines.reading() as tx:
        assert (tx.machines.get("m1").recovered, tx.machines.get("m1").generation) == (recovered, 7)


def waits_for_a_lock(store):
    with store.reading() as tx:
        return tx.session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()


def test_what_could_not_be_recorded_is_not_kept_and_is_found_again(store, monkeypatch):
    def full(*_):
        raise errors.StoreUnavailable("The disk is full.")

    end(store, "j1")
    one = keeper(store)
    with monkeypatch.context() as patched, pytest.raises(errors.StoreUnavailable):
        patched.setattr(Audit, "append", full)
        one.look()
    assert kept(store) == ([], [])
    one.look()
    assert [each.id for each in kept(store)[0]] == ["j1-1"]


def test_no_secret_that_was_asked_with_is_anywhere_in_it(store):
    secrets = ("planted-1", "planted-2", "planted-3", "planted-4")
    asked = {
        "secret": secrets[0],
        "options": {"password": secrets[1], "choice": "latest"},
        "groups": [
            {"after": [{"url": f"https://hooks.example/{secrets[2]}", "deep": [{"secret": secrets[3]}]}]}
        ],
    }
    end(store, "j1", arguments=asked)
    keeper(store).look()
    (found,), log = kept(store)
    assert "latest" in found.document
    for told in (found.document, repr(found), *(repr(each) for each in log)):
        assert not [each for each in secrets if each in told]


def test_a_further_attempt_makes_a_further_entry_and_both_outlive_the_job(store):
    end(store, "j1", state=JobState.FAILED)
    one = keeper(store)
    one.look()
    with store.transaction() as tx:
        tx.session.execute(update(jobs).values(attempt=2, state=JobState.SUCCEEDED))
    one.hear_of_job("j1")
    one.look()
    with store.transaction() as tx:
        tx.session.execute(delete(jobs))
    found, _ = kept(store)
    assert [(each.id, each.state) for each in found] == [("j1-2", "succeeded"), ("j1-1", "failed")]
    assert isinstance(found[0], EvidenceRecord)
