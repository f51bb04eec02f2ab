"""A job that asks a person, through its face."""

import json

import pytest
from sqlalchemy import insert

from rig.eventually import eventually
from secondsite.jobs.running import held_jobs
from secondsite.jobs.storage.tables import jobs
from tests.support.jobs.asking import asked, vault
from tests.support.vault import NOW

__all__ = ["asked", "vault"]
pytestmark = pytest.mark.slow
DONE = {"task": 1, "verdict": "done"}


def ended(ask, job_id):
    return eventually(lambda: (job := ask("GET", f"/jobs/{job_id}"))["ended_at"] and job)


def test_a_job_says_that_it_waits_for_a_person_and_what_it_asks(ask, asked):
    job = ask("GET", f"/jobs/{asked}")
    before, traffic = job["tasks"]
    assert before["asks"] is None
    assert traffic["asks"]["instruction"] == "Move the traffic to site b"
    assert traffic["asks"]["verdicts"] == ["done", "failed"]
    eventually(lambda: ask("GET", f"/jobs/{asked}")["tasks"][1]["asks"]["until"])
    (listed,) = ask("GET", "/jobs")["items"]
    assert listed["waits_for_person"] is True
    assert listed["sentence"] == "Traffic: waits for a person: Move the traffic to site b"


def test_an_answer_lets_the_job_go_on_and_is_kept_and_on_record(ask, asked):
    ask("POST", f"/jobs/{asked[:10]}/answer", json={**DONE, "note": "by the load balancer"})
    job = ended(ask, asked)
    assert (job["state"], job["sentence"], job["waits_for_person"]) == ("succeeded", "admin moved it", False)
    answer = job["tasks"][1]["answer"]
    assert (answer["by"], answer["verdict"], answer["note"]) == ("admin", "done", "by the load balancer")
    entry = next(each for each in ask("GET", "/audit")["items"] if each["verb"] == "POST /jobs/{job}/answer")
    assert json.loads(entry["details"])["asked"]["note"] == "by the load balancer"
    assert entry["job_id"] == asked


def test_a_negative_answer_fails_the_job_and_a_retry_asks_again(ask, asked):
    ask("POST", f"/jobs/{asked}/answer", json={"task": 1, "verdict": "failed", "note": "no way in"})
    job = ended(ask, asked)
    assert (job["state"], job["problem"]["code"]) == ("failed", "answered-negatively")
    assert job["problem"]["message"] == "admin answered 'failed': no way in"
    ask("POST", f"/jobs/{asked}/retry")
    eventually(lambda: ask("GET", f"/jobs/{asked}")["waits_for_person"])
    ask("POST", f"/jobs/{asked}/answer", json=DONE)
    assert ended(ask, asked)["state"] == "succeeded"


def test_what_cannot_be_an_answer_is_refused_and_says_what_can(ask, asked):
    refused = ask("POST", f"/jobs/{asked}/answer", 422, json={"task": 1, "verdict": "perhaps"})
    assert refused["error"]["do"] == "Answer with done or failed."
    refused = ask("POST", f"/jobs/{asked}/answer", 409, json={"task": 0, "verdict": "done"})
    assert "task 1 (Traffic) asks now" in refused["error"]["do"]
    ask("POST", "/jobs/nosuch/answer", 404, json=DONE)
    for body in ({"verdict": "done"}, {"task": -1, "verdict": "done"}, {**DONE, "note": "x" * 4001}):
        ask("POST", f"/jobs/{asked}/answer", 422, json=body)
    ask("POST", f"/jobs/{asked}/answer", json=DONE)
    ended(ask, asked)
    ask("POST", f"/jobs/{asked}/answer", 409, json=DONE)


def test_the_same_answer_under_one_key_is_given_once(ask, asked):
    once = {"headers": {"Idempotency-Key": "k1"}, "json": DONE}
    first = ask("POST", f"/jobs/{asked}/answer", **once)
    ended(ask, asked)
    assert ask("POST", f"/jobs/{asked}/answer", **once) == first


def test_a_reader_may_not_answer(vault, ask, asked):
    reader = ask("POST", "/tokens", 201, json={"name": "eye", "roles": ["reader"]})["token"]
    as_reader = {"headers": {"Authorization": f"Bearer {reader}"}, "json": DONE}
    ask("POST", f"/jobs/{asked}/answer", 403, **as_reader)
    operator = ask("POST", "/tokens", 201, json={"name": "hand", "roles": ["operator"]})["token"]
    as_operator = {"headers": {"Authorization": f"Bearer {operator}"}, "json": DONE}
    ask("POST", f"/jobs/{asked}/answer", **as_operator)
    assert ended(ask, asked)["tasks"][1]["answer"]["by"] == "hand"


def test_a_held_job_asks_nothing_until_it_is_resumed(vault, ask, asked):
    with vault.store.transaction() as tx:
        vault.facade.parts.jobs.changes.tell_on_commit(tx.session)
        held_jobs.hold_all(tx.session)
    held = ask("GET", f"/jobs/{asked}")
    assert (held["state"], held["waits_for_person"], held["tasks"][1]["asks"]) == ("held", False, None)
    assert "resumed" in ask("POST", f"/jobs/{asked}/answer", 409, json=DONE)["error"]["do"]
    ask("POST", f"/jobs/{asked}/resume")
    ask("POST", f"/jobs/{asked}/answer", json=DONE)
    assert ended(ask, asked)["state"] == "succeeded"


def held(job_id, name):
    """The row of a job that no engine takes."""
    values = {
        "id": job_id, "name": name, "subject_name": "web01", "arguments": {}, "state": "held", "attempt": 1,
        "requested_by": "anna", "created_at": NOW, "ready_at": NOW, "cancel_requested": False,
        "claim_epoch": 0,
    }  # fmt: skip
    return insert(jobs).values(values)


def test_a_list_of_jobs_shows_a_kind_that_this_release_does_not_know(vault, ask):
    with vault.store.transaction() as tx:
        tx.session.execute(held("newer", "of_another_release"))
        tx.session.execute(held("known", "failover"))
    verbs = {each["id"]: each["verb"] for each in ask("GET", "/jobs")["items"]}
    assert verbs == {"newer": "unknown", "known": "failover"}
    assert ask("GET", "/jobs/newer")["verb"] == "unknown"
    assert ask("POST", "/jobs/newer/cancel")["state"] in ("running", "failed"), (
        "given up, as any that is held"
    )
