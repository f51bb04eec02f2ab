"""Every change and every refusal is on record, and the record shows where it was tampered with."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from secondsite.domain import errors
from secondsite.domain.access.chain import Outcome
from secondsite.domain.access.roles import Grant
from secondsite.jobs.storage import database
from secondsite.vault.facade.acts import Act
from secondsite.vault.facade.callers import Caller
from secondsite.vault.facade.refusals import MOST_ADDRESSES, MOST_KINDS
from secondsite.vault.store.audit import Audit
from tests.api.approvals.support_calls import CHANGING, REQUESTS, TOKEN, request_of
from tests.support.vault import VaultInProcess, request_for

pytestmark = pytest.mark.always

ELSEWHERE = {call for call in REQUESTS if call.endswith(("/hold", "/list-files", "/send-files"))}
"""Begun, and then done or refused: two entries."""


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]
)
def vault(request, tmp_path):
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    vault = VaultInProcess(tmp_path / "vault", url)
    yield vault
    vault.close()


@pytest.fixture
def log(ask):
    """The entries of requests, oldest first, without the counted ones of strangers."""

    def log(**wanted):
        found = ask("GET", "/audit", params={"oldest_first": True, "limit": 1000, **wanted})["items"]
        return [entry for entry in found if entry["verb"] != "evidence"]

    return log


@pytest.mark.slow
def test_every_call_that_changes_something_leaves_its_entry_whether_it_succeeds_or_not(
    vault, ask, log, protected
):
    verbs = sorted(CHANGING - set(REQUESTS))
    assert set(REQUESTS) <= CHANGING
    done = set()
    for call in [*REQUESTS, *verbs]:
        method, path, how = request_of(call)
        before = len(log())
        answer = vault.rest.request(method, f"/api{path}", **how)
        assert answer.status_code not in (400, 422), (call, answer.text)
        vault.running.refusals.write()
        new = log()[before:]
        assert [entry["verb"] for entry in new] == (
            [""] if call == "POST /enroll" else [call] * (1 + (call in ELSEWHERE))
        )
        assert new[-1]["code"] == answer.status_code, call
        assert new[-1]["outcome"] == ("done" if answer.is_success else "refused")
        assert new[-1]["who"] == ("stranger" if call == "POST /enroll" else "admin")
        if answer.status_code == 202:
            assert new[-1]["job_id"] == answer.json()["job_id"]
        done |= {call} if answer.is_success else set()
    assert len(done) >= 20
    assert ask("GET", "/audit/verify")["intact"]


def test_reading_leaves_no_entry(ask, log, protected):
    before = len(log())
    for path in ("/sites", "/machines/web01", "/jobs", "/discovery", "/audit", "/tokens"):
        ask("GET", path)
    assert len(log()) == before


def test_a_change_shows_what_was_before_and_after_who_and_from_where(ask, log):
    ask("POST", "/policies", 201, json={"name": "gold", "cycle_seconds": 5})
    ask("PUT", "/policies/gold", json={"name": "gold", "cycle_seconds": 9})
    entry = log(verb="PUT /policies/{policy}")[0]
    told = json.loads(entry["details"])
    assert (told["before"]["cycle_seconds"], told["after"]["cycle_seconds"]) == (5, 9)
    assert told["asked"]["cycle_seconds"] == 9
    assert (entry["who"], entry["address"], entry["object"]) == ("admin", "testclient", "/policies/gold")
    (admin,) = ask("GET", "/tokens")
    assert entry["token_id"] == admin["id"]


@pytest.mark.parametrize("path", ["/sites", "/groups"])
def test_fields_that_nobody_knows_hide_nothing_in_the_audit_log(ask, two_sites, path):
    body = {"name": "made", "source_site": "a", "target_site": "b"}
    ask("POST", path, 201, json=body | {"padding": "x" * 5000})
    (entry,) = ask("GET", "/audit", params={"limit": 1})["items"]
    after = json.loads(entry["details"])["after"]
    assert after["name"] == "made"


def test_a_verb_with_a_large_body_is_on_record_with_what_was_understood_of_it(ask, log, protected):
    padding = {"padding": "x" * 5000}
    ask(
        "POST",
        "/machines/failover",
        202,
        json={"machines": ["web01"], "choice": "latest_processed"} | padding,
    )
    asked = json.loads(log()[-1]["details"])["asked"]
    assert asked == {"machines": ["web01"], "choice": "latest_processed"}


def test_what_is_on_record_is_json_for_everybody(vault, log):
    body = '{"name": "lima", "x": NaN, "y": 1e999}'
    answer = vault.rest.post("/api/sites", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    asked = json.loads(log()[-1]["details"], parse_constant=lambda word: pytest.fail(word))["asked"]
    assert asked["bytes"] == len(body)


def test_a_path_is_found_however_it_was_written(vault, ask, log):
    ask("POST", "/sites", 201, json={"name": "lima"})
    ask("DELETE", "/sites/%6cim%61", 204)
    assert [entry["verb"] for entry in log(object="/sites/lima")] == ["DELETE /sites/{site}"]


def test_no_secret_is_on_record(vault, ask, log):
    ask("POST", "/sites", 201, json={"name": "a"})
    key = ask("POST", "/sites/a/registration-key", 201)["key"]
    body = {"key": key, "name": "one", "csr_pem": request_for("one")[1]}
    ask("POST", "/enroll", json=body)
    secrets = [
        key,
        ask("POST", "/tokens", 201, json=TOKEN)["token"],
        ask("POST", "/tokens/robot/rotate")["token"],
    ]
    whole = json.dumps(log())
    assert [entry["object"] for entry in log(verb="POST /enroll")] == ["/enroll"]
    assert not [secret for secret in secrets if secret in whole]


def test_a_repeat_of_a_request_is_no_second_change(vault, log):
    for _ in range(3):
        assert (
            vault.rest.post("/api/sites", json={"name": "a"}, headers={"Idempotency-Key": "k"}).status_code
            == 201
        )
    assert len(log(verb="POST /sites")) == 1


def test_what_cannot_be_recorded_is_not_changed(ask, vault, monkeypatch):
    def full(*_):
        raise errors.StoreUnavailable("The disk is full.")

    monkeypatch.setattr(Audit, "append", full)
    ask("POST", "/sites", 503, json={"name": "a"})
    ask("DELETE", "/policies/default", 503)
    monkeypatch.undo()
    ask("GET", "/sites/a", 404)
    ask("GET", "/policies/default")


def test_what_an_appliance_is_to_change_is_on_record_before(ask, log, protected):
    ask("PUT", "/machines/web01/points/p1/hold", 503, json={"reason": "evidence"})
    begun, ended = log(verb="PUT /machines/{machine}/points/{point}/hold")
    assert (begun["outcome"], begun["code"]) == ("begun", None)
    assert (ended["outcome"], ended["code"]) == ("refused", 503)
    assert json.loads(begun["details"])["asked"] == {"reason": "evidence"}


# ---- refusals
# --------------------------------------------------------------------------------------------------------


def test_a_token_that_is_refused_in_a_loop_fills_no_disk(vault, ask, log):
    token = ask("POST", "/tokens", 201, json=TOKEN)["token"]
    headers = {"Authorization": f"Bearer {token}"}
    for number in range(2 * MOST_KINDS):
        ask("DELETE", "/sites/a", 403, headers=headers)
        ask("DELETE", f"/sites/s{number}", 403, headers=headers)
    assert len(log(who="robot")) == MOST_KINDS
    assert {entry["verb"] for entry in log(who="robot")} == {"DELETE /sites/{site}"}
    vault.running.refusals.write()
    counted = [json.loads(entry["details"]).get("times") for entry in log(who="robot")[MOST_KINDS:]]
    assert counted == [2 * MOST_KINDS - 1]
    (beyond,) = log(who="several tokens")
    assert json.loads(beyond["details"])["times"] == 2 * MOST_KINDS - (MOST_KINDS - 1)


def test_strangers_are_counted_by_address_and_cannot_fill_the_disk(vault, log):
    for number in range(3000):
        address = f"2001:db8::{number:x}" if number % 3 else "192.0.2.1"
        vault.running.refusals.note(Act(Caller("stranger", "", "", Grant(()), address), "/"), "GET", 401)
    vault.running.refusals.write()
    entries = log(who="stranger")
    assert len(entries) == MOST_ADDRESSES + 1
    assert "192.0.2.1" in {entry["address"] for entry in entries}
    assert entries[-1]["address"] == "other addresses"
    assert sum(json.loads(entry["details"])["times"] for entry in entries) == 3000


def test_a_stranger_at_the_door_is_on_record_with_the_address(vault, log):
    for _ in range(5):
        assert vault.rest.get("/api/sites", headers={"Authorization": "Bearer no"}).status_code == 401
    vault.running.refusals.write()
    (entry,) = log(who="stranger")
    assert (entry["address"], entry["code"], json.loads(entry["details"])) == (
        "testclient",
        401,
        {"times": 5},
    )


# ---- tampering
# -------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(vault):
    """A statement in the vault's database, past the vault."""
    db = database.connect(vault.made.settings.database_url)

    def by_hand(statement, **values):
        with db.begin() as connection:
            return connection.execute(text(statement), values).rowcount

    yield by_hand
    db.dispose()


@pytest.fixture
def six(ask):
    for name in "abcdef":
        ask("POST", "/sites", 201, json={"name": name})


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE number = 3", 3),
        ("UPDATE audit SET details = '{}' WHERE number = 1", 1),
        ("UPDATE audit SET at = '2026-01-01 00:00:00+00:00' WHERE number = 4", 4),
        ("UPDATE audit SET outcome = 'pruned' WHERE number = 3", 3),
        ("UPDATE audit SET outcome = 'nothing' WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number <= 2", 1),
        ("DELETE FROM audit WHERE number > 4", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = CASE number WHEN 2 THEN 103 ELSE 102 END WHERE number IN (2, 3)", 2),
        ("UPDATE audit_ends SET head_number = 5", 7),
        (
            (
                "UPDATE audit_ends SET anchor_number = 2, anchor_digest = (SELECT digest FROM audit WHERE "
                "number = 2)"
            ),
            3,
        ),
    ],
)
def test_a_database_that_was_edited_by_hand_is_found_and_the_first_broken_entry_named(
    ask, six, by_hand, statement, broken
):
    assert ask("GET", "/audit/verify")["intact"]
    by_hand(statement)
    found = ask("GET", "/audit/verify")
    assert (found["intact"], found["broken_number"]) == (False, broken)
    assert found["what"]


def test_an_entry_that_is_none_is_named_and_is_not_a_crash(vault, ask, six, by_hand):
    if not vault.made.settings.database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL takes nothing else into these columns")
    for column, value in (("details", "x'ff'"), ("at", "'never'"), ("outcome", "''")):
        by_hand(f"UPDATE audit SET {column} = {value} WHERE number = 4")
        found = ask("GET", "/audit/verify")
        assert (found["intact"], found["broken_number"], found["entries"]) == (False, 4, 3)


def test_a_beginning_that_was_deleted_with_its_anchor_is_found(ask, six, by_hand):
    by_hand(
        "UPDATE audit_ends SET anchor_number = 2, anchor_digest = (SELECT digest FROM audit WHERE number = 2)"
    )
    by_hand("DELETE FROM audit WHERE number <= 2")
    assert "not by pruning" in ask("GET", "/audit/verify")["what"]


def test_a_tail_that_was_cut_with_its_head_is_whole_to_itself_and_misses_the_digest_that_was_kept(
    ask, six, by_hand
):
    kept = ask("GET", "/audit/verify")
    by_hand("DELETE FROM audit WHERE number > 4")
    by_hand(
        "UPDATE audit_ends SET head_number = 4, head_digest = (SELECT digest FROM audit WHERE number = 4)"
    )
    found = ask("GET", "/audit/verify")
    assert found["intact"]
    assert (found["head_number"], kept["head_number"]) == (4, 6)
    assert ask("GET", "/audit", params={"number": kept["head_number"]})["items"] == []


# ---- retention
# -------------------------------------------------------------------------------------------------------


def test_what_is_older_than_the_setting_is_deleted_and_the_rest_is_still_verified(
    vault, ask, six, log, by_hand
):
    old = datetime.now(UTC) - timedelta(days=400)
    with vault.store.transaction() as tx:
        entries = list(tx.audit.chain())
    by_hand("DELETE FROM audit")
    by_hand(f"UPDATE audit_ends SET head_number = 0, head_digest = '{'0' * 64}'")
    with vault.store.transaction() as tx:
        for number, entry in enumerate(entries):
            tx.audit.append(
                type(entry)(old if number < 4 else entry.at, "anna", "", "", "x", "y", Outcome.DONE)
            )
    vault.facade.audit.prune()
    found = ask("GET", "/audit/verify")
    assert (found["intact"], found["first_number"], found["entries"]) == (True, 5, 3)
    assert log()[-1]["outcome"] == "pruned"
    vault.facade.audit.prune()
    assert len(log()) == 3
    by_hand("DELETE FROM audit WHERE number = 5")
    assert ask("GET", "/audit/verify")["broken_number"] == 5


def test_the_setting_has_a_floor_and_its_change_is_on_record(ask, log):
    assert ask("GET", "/audit/settings") == {"kept_days": 365}
    ask("PUT", "/audit/settings", 422, json={"kept_days": 1})
    ask("PUT", "/audit/settings", json={"kept_days": None})
    told = json.loads(log(verb="PUT /audit/settings")[-1]["details"])
    assert told["before"] == {"kept_days": 365}


# ---- many at once
# ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_changes_at_the_same_time_make_one_chain(vault, ask, log):
    def make(number):
        return vault.rest.post("/api/sites", json={"name": f"s{number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(80)))
    assert answers == [201] * 80
    found = ask("GET", "/audit/verify")
    assert (found["intact"], found["entries"]) == (True, 80)
    assert {entry["object"] for entry in log()} == {"/sites"}


def test_what_was_done_to_a_machine_is_found_by_its_name_and_its_id_whatever_verb_did_it(
    vault, ask, log, protected
):
    plan = {"name": "shop", "groups": [{"machines": ["web01"]}]}
    ask("POST", "/plans", 201, json=plan)
    ask("PUT", "/plans/shop", json={"groups": plan["groups"], "rto_goal_seconds": 600})
    ask("POST", "/groups", 201, json={"name": "shop", "source_site": "a", "target_site": "b"})
    ask("POST", "/groups/shop/add", json={"machines": [protected.id]})
    ask(
        "POST",
        "/drills/schedules",
        201,
        json={"name": "weekly", "every_days": 7, "at": "02:00", "plan": "shop"},
    )
    ask("PUT", "/machines/web01/checks", json={"checks": []})
    job = ask("POST", "/machines/failover", 202, json={"machines": ["web01", "nosuch"][:1]})["job_id"]
    vault.rest.post(f"/api/jobs/{job}/cancel")
    wanted = [
        "POST /plans", "PUT /plans/{plan}", "POST /groups/{group}/add", "POST /drills/schedules",
        "PUT /machines/{machine}/checks", "POST /machines/failover", "POST /jobs/{job}/cancel",
    ]  # fmt: skip
    for called in ("web01", protected.id):
        assert [entry["verb"] for entry in log(object=called)] == wanted
    assert log(object="web0") != []
    assert log(object='b01"') == []
