"""A request with an idempotency key is carried out once."""

import dataclasses
import uuid
from datetime import timedelta

import pytest

from secondsite.vault.facade.shared import idempotency
from secondsite.vault.facade.shared.secrets import digest
from secondsite.wire.common.base import Shape
from tests.support.vault import VaultInProcess, request_for

ROBOT = {"name": "robot", "roles": ["contributor"]}


def key(text=None):
    return {"Idempotency-Key": text or uuid.uuid4().hex}


@pytest.fixture
def post(vault):
    """A POST with headers; gives the answer."""

    def post(path, body=None, headers=None, wanted=None):
        answer = vault.rest.post(f"/api{path}", json=body, headers=headers)
        assert wanted in (None, answer.status_code), answer.text
        return answer

    return post


@pytest.fixture
def jobs(ask):
    return lambda: [job["id"] for job in ask("GET", "/jobs")["items"]]


def test_a_repeat_starts_nothing_and_gets_the_first_ones_answer(post, protected, jobs):
    body, headers = {"machines": ["web01"]}, key()
    first = post("/machines/failover", body, headers, 202)
    again = post("/machines/failover", body, headers, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"] == f"/api/jobs/{first.json()['job_id']}"
    assert jobs() == [first.json()["job_id"]]


def test_without_a_key_a_repeat_is_a_request_of_its_own(post, protected):
    post("/machines/failover", {"machines": ["web01"]}, None, 202)
    refused = post("/machines/failover", {"machines": ["web01"]}, None, 409)
    assert refused.json()["error"]["code"] == "not-possible-now"


def test_a_key_that_comes_with_another_request_is_refused(post):
    headers = key("one")
    post("/sites", {"name": "a"}, headers, 201)
    post("/sites", {"name": "a"}, headers, 201)
    for path, body in (("/sites", {"name": "b"}), ("/policies", {"name": "a"})):
        refused = post(path, body, headers, 422).json()["error"]
        assert (refused["code"], bool(refused["do"])) == ("idempotency-key-reused", True)
    post("/sites", {"name": "b"}, key("two"), 201)


def test_order_and_blanks_of_a_body_do_not_make_another_request(vault, post):
    headers = key()
    post("/policies", {"name": "p", "cycle_seconds": 2}, headers, 201)
    raw = b'{  "cycle_seconds": 2,\n "name": "p"}'
    again = vault.rest.post(
        "/api/policies", content=raw, headers={**headers, "Content-Type": "application/json"}
    )
    assert again.status_code == 201


def test_what_was_refused_may_come_again_under_its_key(post):
    headers = key()
    post("/sites", {"name": "a"}, key(), 201)
    post("/sites", {"name": "a"}, headers, 409)
    post("/sites", {"name": "b"}, headers, 201)


def test_each_callers_keys_are_their_own(vault, post):
    robot = {"Authorization": f"Bearer {post('/tokens', ROBOT).json()['token']}"}
    post("/sites", {"name": "a"}, key("k"), 201)
    post("/sites", {"name": "b"}, {**key("k"), **robot}, 201)


def test_a_token_that_gets_the_name_of_a_deleted_one_does_not_get_its_answers(vault, post, ask):
    body, answers = {"name": "a"}, []
    for status in (201, 409):
        robot = {"Authorization": f"Bearer {post('/tokens', ROBOT).json()['token']}"}
        answers.append(post("/sites", body, {**key("k"), **robot}, status).json())
        ask("DELETE", "/tokens/robot", 204)
    assert answers[1]["error"]["code"] == "already-exists"


def test_an_answer_that_held_a_secret_is_not_kept(vault, post, ask):
    headers = key()
    made = post("/tokens", ROBOT, headers, 201).json()
    refused = post("/tokens", ROBOT, headers, 409).json()["error"]
    assert "Delete" in refused["do"]
    with vault.store.reading() as tx:
        assert tx.answers.find(digest(vault.made.token), headers["Idempotency-Key"]).answer is None
    assert [each["name"] for each in ask("GET", "/tokens")] == ["admin", "robot"]
    assert made["token"]


def test_an_appliance_whose_answer_was_lost_enrolls_again_with_its_used_key(post):
    post("/sites", {"name": "a"})
    body = {
        "key": post("/sites/a/registration-key").json()["key"],
        "name": "one",
        "csr_pem": request_for("one")[1],
    }
    headers = key()
    first = post("/enroll", body, headers, 200)
    assert post("/enroll", body, headers, 200).json() == first.json()
    assert post("/enroll", body, key(), 403).json()["error"]["code"] == "registration-refused"
    assert post("/enroll", {**body, "name": "two"}, headers, 422)


def test_an_answer_is_kept_for_a_day(vault, post):
    headers = key()
    post("/sites", {"name": "a"}, headers, 201)
    parts = vault.running.parts()
    later = parts.now() + idempotency.KEPT + timedelta(seconds=1)
    old = dataclasses.replace(parts, now=lambda: later)
    asked = idempotency.Once(headers["Idempotency-Key"], "another", "admin")
    with vault.store.transaction() as tx:
        assert idempotency.known(old, tx, asked, Shape) is None
        idempotency.carry_out(old, tx, dataclasses.replace(asked, key="next"), Shape, Shape)
        assert tx.answers.find("admin", asked.key) is None


@pytest.mark.slow
def test_a_vault_that_was_restarted_still_knows_the_answer(vault, post, tmp_path):
    headers = key()
    first = post("/sites", {"name": "a"}, headers, 201)
    again = VaultInProcess(tmp_path / "other")
    again.close()
    from starlette.testclient import TestClient

    from secondsite.entry import settings
    from secondsite.entry.vault_wiring import RunningVault

    vault.running.stop()
    running = RunningVault(vault.home, settings.read(vault.home))
    try:
        rest = TestClient(running.start(), headers={"Authorization": f"Bearer {vault.made.token}"})
        assert rest.post("/api/sites", json={"name": "a"}, headers=headers).json() == first.json()
    finally:
        running.stop()


@pytest.mark.slow
def test_a_job_is_cancelled_and_a_point_verified_once(post, protected, jobs):
    headers = key()
    first = post("/machines/web01/points/p1/verify", None, headers, 202)
    assert post("/machines/web01/points/p1/verify", None, headers, 202).json() == first.json()
    assert jobs() == [first.json()["job_id"]]


def test_a_repeat_by_a_token_of_one_site_gets_the_first_answer_though_its_machine_is_gone(
    vault, post, protected, ask
):
    token = ask("POST", "/tokens", 201, json={**ROBOT, "site": "a"})["token"]
    headers = {**key(), "Authorization": f"Bearer {token}"}
    first = post("/machines/web01/disable-protection", {}, headers, 202)
    with vault.store.transaction() as tx:  # as the job does at its end
        tx.statuses.remove(protected.id)
        tx.machines.remove(protected.id)
    assert post("/machines/web01/disable-protection", {}, headers, 202).json() == first.json()
    fresh = {**key(), "Authorization": f"Bearer {token}"}
    post("/machines/web01/disable-protection", {}, fresh, 404)
