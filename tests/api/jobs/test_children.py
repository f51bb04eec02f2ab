"""A job for many machines shows how its children are by numbers; they come by page."""

import pytest
from sqlalchemy import insert, update

from rig.eventually import eventually
from secondsite.ground.job_states import JobState
from secondsite.jobs.model.clock import utc_now
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.facade.nouns.jobs import Jobs
from secondsite.wire import rest
from tests.api.support_stream import served, stream
from tests.support import statements
from tests.support.vault import NOW, machine

pytestmark = pytest.mark.slow

MANY, FEW = 45, 3
STATES = {0: JobState.FAILED, 1: JobState.SUCCEEDED, 2: JobState.SUCCEEDED}


def row(job_id, **changes):
    values = {
        "id": job_id, "name": "failover", "subject": job_id, "subject_name": job_id, "arguments": {},
        "state": JobState.HELD,
        "attempt": 1, "requested_by": "anna", "created_at": NOW, "started_at": None, "ended_at": None,
        "result": None,
        "error": None, "parent_job_id": None, "parent_position": None, "parent_attempt": None,
        "parent_index": None,
        "cancel_requested": False, "ending": None, "ready_at": NOW, "claim_owner": None, "claim_epoch": 0,
    }  # fmt: skip
    return {**values, **changes}


@pytest.fixture
def batch(vault):
    """Makes a job for so many machines: the first failed, two succeeded, the others are held, so no engine
    takes them."""

    def made(count):
        children = [
            row(
                f"child{number:03}", state=STATES.get(number, JobState.HELD), parent_job_id="batch",
                parent_position=0,
                parent_attempt=1, parent_index=number, result=None if number else "no",
            )
            for number in range(count)
        ]  # fmt: skip
        arguments = {
            "verb": "failover",
            "children": [{"machine_id": each["id"], "arguments": {}} for each in children],
        }
        with vault.store.transaction() as tx:
            tx.session.execute(insert(jobs), [row("batch", name="several_machines", arguments=arguments)])
            tx.session.execute(insert(jobs), children)
        return "batch"

    return made


def end(vault, job_id, state=JobState.SUCCEEDED):
    """As an engine does, which tells of it."""
    with vault.store.transaction() as tx:
        changed = update(jobs).where(jobs.c.id == job_id)
        tx.session.execute(changed.values(state=state, ended_at=utc_now(), result="done"))
    vault.facade.parts.jobs.changes.tell(job_id)


def test_of_many_children_the_first_are_shown_and_all_are_counted(ask, batch):
    shown = ask("GET", f"/jobs/{batch(MANY)}")
    assert shown["children"] == [f"child{number:03}" for number in range(rest.MOST_CHILDREN)]
    assert shown["children_by_state"] == {"failed": 1, "succeeded": 2, "held": MANY - 3}


def test_of_few_children_all_are_shown(ask, batch):
    shown = ask("GET", f"/jobs/{batch(FEW)}")
    assert (len(shown["children"]), sum(shown["children_by_state"].values())) == (FEW, FEW)
    assert ask("GET", "/jobs/child001")["children_by_state"] == {}


def test_all_children_come_by_page(ask, batch):
    batch(MANY)
    found, cursor = [], None
    while True:
        params = {"parent": "bat", "limit": 20, **({"cursor": cursor} if cursor else {})}
        page = ask("GET", "/jobs", params=params)
        found.append([each["id"] for each in page["items"]])
        cursor = page["next"]
        if cursor is None:
            break
    assert [len(page) for page in found] == [20, 20, 5]
    assert sorted(each for page in found for each in page) == [f"child{number:03}" for number in range(MANY)]
    failed = ask("GET", "/jobs", params={"parent": "batch", "state": "failed"})["items"]
    assert [each["id"] for each in failed] == ["child000"]
    assert ask("GET", "/jobs", 404, params={"parent": "nothing"})["error"]["code"] == "not-found"


def test_a_job_is_shown_without_reading_its_children(vault, ask, batch):
    job_id = batch(MANY)
    asked = statements.noted(vault.running._database)  # noqa: SLF001 what is asked of it shows nowhere else
    ask("GET", f"/jobs/{job_id}")
    assert len([each for each in asked if "FROM job_tasks" in each]) == 1


def test_a_token_of_a_site_asks_in_vain_for_the_children_of_anothers_job(vault, ask, batch, two_sites):
    batch(FEW)
    theirs = ask("POST", "/tokens", 201, json={"name": "theirs", "roles": ["reader"], "site": "a"})["token"]
    headers = {"Authorization": f"Bearer {theirs}"}
    for params in ({"parent": "batch"}, {"parent": "batch", "state": "failed"}):
        ask("GET", "/jobs", 404, params=params, headers=headers)


def test_whether_a_token_of_a_site_sees_a_job_for_many_is_one_question(vault, ask, batch, two_sites):
    body = {"name": "theirs", "roles": ["reader"], "site": "a"}
    headers = {"Authorization": f"Bearer {ask('POST', '/tokens', 201, json=body)['token']}"}
    with vault.store.transaction() as tx:
        for number in range(MANY):
            tx.machines.add(machine(f"child{number:03}", f"m{number}"))
    asked = statements.noted(vault.running._database)  # noqa: SLF001 what is asked of it shows nowhere else
    assert ask("GET", f"/jobs/{batch(MANY)}", headers=headers)["id"] == "batch"
    assert len([each for each in asked if "FROM machines" in each]) < 10


@pytest.mark.parametrize("count", [FEW + 1, MANY])
def test_whoever_follows_it_is_told_when_a_child_ends(vault, batch, count):
    batch(count)
    with served(vault.app) as url, stream(url, vault.made.token, "/jobs/batch/events") as events:
        assert next(events).data["children_by_state"]["succeeded"] == 2
        end(vault, "child003")
        assert next(events).data["children_by_state"]["succeeded"] == 3
        end(vault, "batch")
        assert [each.data["state"] for each in events][-1] == "succeeded"


def test_whoever_follows_many_is_told_nothing_of_what_changes_no_number(vault, batch, monkeypatch):
    batch(MANY)
    read, followed = [], Jobs.followed

    def noted(self, job_id):
        read.append(job_id)
        return followed(self, job_id)

    monkeypatch.setattr(Jobs, "followed", noted)
    with served(vault.app) as url, stream(url, vault.made.token, "/jobs/batch/events") as events:
        next(events)
        vault.facade.parts.jobs.changes.tell("child004")
        eventually(lambda: len(read) > 1)
        end(vault, "batch")
        assert [each.data["state"] for each in events if each.data] == ["succeeded"]
