"""A session begins with a token, opens what the token opens, and ends."""

from datetime import timedelta

import httpx2
import pytest

from rig.eventually import eventually
from secondsite.api.credentials import COOKIE
from secondsite.api.following import changes
from secondsite.domain.access.roles import GIVES, Role
from secondsite.domain.access.sessions import IDLE_SECONDS, LASTS_SECONDS, MOST_OF_ONE
from tests.api.support_stream import served
from tests.support.login.browsers import OWN_PAGE


def names(sessions):
    return [each["name"] for each in sessions]


def test_who_logged_in_is_told_who_they_are_what_they_may_and_until_when(browser, token):
    anna, secret = browser(), token("anna", "operator", site=None)
    shown = anna.log_in(secret)
    assert (shown["name"], shown["person"], shown["roles"]) == ("anna", "anna", ["operator"])
    assert set(shown["permissions"]) == GIVES[Role.OPERATOR]
    assert anna("GET", "/session")["ends_at"] == shown["ends_at"]
    assert shown["idle_ends_at"] < shown["ends_at"]
    assert len(anna("GET", "/machines")["items"]) == 0
    assert anna("POST", "/sites", 403, json={"name": "c"})["error"]["code"] == "forbidden"


def test_the_cookie_is_for_this_host_this_browser_and_no_script(vault, browser):
    answer = browser().answer("POST", "/session", json={"token": vault.made.token})
    said = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert said == {"secure", "httponly", "samesite=strict", "path=/"}
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert answer.headers["cache-control"] == "no-store"


def test_what_a_browser_was_answered_stays_in_no_cache(admin, ask, vault):
    assert admin.answer("GET", "/machines").headers["cache-control"] == "no-store"
    assert "cache-control" not in vault.rest.get("/api/machines").headers


def test_the_database_has_no_secret_that_opens_anything(vault, admin):
    for file in vault.home.rglob("*"):
        if file.is_file():
            assert admin.cookie.encode() not in file.read_bytes(), file


def test_who_logs_out_is_out_and_the_cookie_of_before_opens_nothing(admin):
    cookie = admin.cookie
    answer = admin.answer("DELETE", "/session")
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    admin.cookie = cookie
    assert "ended" in admin("GET", "/session", 401)["error"]["message"]


def test_a_session_ends_with_its_token(browser, token, ask):
    anna, ben, cleo = browser(), browser(), browser()
    for who, name in ((anna, "anna"), (ben, "ben"), (cleo, "cleo")):
        who.log_in(token(name, "reader"))
    ask("DELETE", "/tokens/anna", 204)
    ask("POST", "/tokens/ben/rotate")
    ask("POST", "/tokens/cleo/rotate", json={"former_valid_seconds": 600})
    for who, status in ((anna, 401), (ben, 401), (cleo, 200)):
        who("GET", "/session", status)
    assert names(ask("GET", "/sessions")) == ["cleo"]


def test_a_session_never_outlives_its_token(browser, token):
    anna = browser()
    shown = anna.log_in(token("anna", "reader", valid_seconds=0.6))
    assert shown["ends_at"] < shown["idle_ends_at"]
    eventually(lambda: anna.answer("GET", "/session").status_code == 401)


def test_a_session_ends_after_half_an_hour_without_a_request(vault, browser, clock):
    used, idle = browser(), browser()
    for each in (used, idle):
        each.log_in(vault.made.token)
    clock.ahead = timedelta(seconds=IDLE_SECONDS - 60)
    used("GET", "/session")
    idle("GET", "/session", headers={**OWN_PAGE, "X-Unattended": "1"})
    vault.running.uses.write(vault.store)
    clock.ahead = timedelta(seconds=IDLE_SECONDS + 60)
    used("GET", "/session")
    assert "30 minutes" in idle("GET", "/session", 401)["error"]["message"]


@pytest.mark.parametrize("path", ["/live", "/events", "/jobs/unknown/events"])
def test_a_stream_which_a_page_opens_by_itself_keeps_no_session_from_its_end(vault, browser, clock, path):
    idle = browser()
    idle.log_in(vault.made.token)
    clock.ahead = timedelta(seconds=IDLE_SECONDS - 60)
    headers = {**OWN_PAGE, "Cookie": f"{COOKIE}={idle.cookie}"}
    with (
        served(vault.app) as url,
        httpx2.stream("GET", f"{url}/api{path}", headers=headers, timeout=20) as answer,
    ):
        assert answer.status_code == (404 if "unknown" in path else 200)
    clock.ahead = timedelta(seconds=IDLE_SECONDS + 60)
    assert "30 minutes" in idle("GET", "/session", 401)["error"]["message"]


def test_a_session_ends_after_a_working_day_however_much_it_is_used(admin, clock):
    for seconds in range(0, LASTS_SECONDS, IDLE_SECONDS - 60):
        clock.ahead = timedelta(seconds=seconds)
        admin("GET", "/session")
    clock.ahead = timedelta(seconds=LASTS_SECONDS + 1)
    assert "time was over" in admin("GET", "/session", 401)["error"]["message"]


def test_a_request_is_no_write_and_its_time_is_there_after_a_restart(vault, admin, ask, clock):
    first = ask("GET", "/sessions")[0]["seen_at"]
    clock.ahead = timedelta(minutes=20)
    admin("GET", "/session")
    assert vault_sessions(vault)[0].seen_at.isoformat() == first.replace("Z", "+00:00")
    vault.running.uses.write(vault.store)
    assert vault_sessions(vault)[0].seen_at - timedelta(minutes=19) > vault_sessions(vault)[0].began_at


def vault_sessions(vault):
    with vault.store.reading() as tx:
        return tx.sessions.list()


def test_everybody_sees_and_ends_their_own_sessions_and_an_administrator_all(ask, admin, browser, token):
    anna, ben, elsewhere = browser(), browser(), browser()
    secret = token("anna", "reader")
    for each in (anna, elsewhere):
        each.log_in(secret)
    ben.log_in(token("ben", "reader"))
    mine = anna("GET", "/sessions")
    assert [each["present"] for each in mine] == [True, False]
    assert names(mine) == ["anna", "anna"]
    assert names(admin("GET", "/sessions")) == ["admin", "anna", "anna", "ben"]
    theirs = ben("GET", "/sessions")[0]["id"]
    anna("DELETE", f"/sessions/{theirs}", 404)
    anna("DELETE", f"/sessions/{mine[1]['id']}", 204)
    elsewhere("GET", "/session", 401)
    admin("DELETE", f"/sessions/{theirs}", 204)
    ben("GET", "/session", 401)
    anna("GET", "/session")


def test_one_holder_has_few_sessions_and_the_oldest_ends(vault, browser, ask):
    browsers = [browser() for _ in range(MOST_OF_ONE + 1)]
    for each in browsers:
        each.log_in(vault.made.token)
    assert len(ask("GET", "/sessions")) == MOST_OF_ONE
    browsers[0]("GET", "/session", 401)
    browsers[1]("GET", "/session")


def test_the_scope_of_a_session_is_that_of_its_token(ask, browser, token, protected):
    ask("POST", "/sites", 201, json={"name": "c"})
    inside, outside = browser(), browser()
    inside.log_in(token("anna", "reader", site="a"))
    outside.log_in(token("ben", "reader", site="c"))
    assert inside("GET", "/session")["site"] == "a"
    inside("GET", "/machines/web01")
    outside("GET", "/machines/web01", 404)


@pytest.mark.parametrize("path", ["/events", "/live"])
def test_a_stream_ends_soon_after_its_session(vault, admin, monkeypatch, path):
    monkeypatch.setattr(changes, "LOOK_AGAIN_SECONDS", 0.2)
    with served(vault.app) as url:
        headers = {**OWN_PAGE, "Cookie": f"__Host-session={admin.cookie}"}
        with httpx2.stream("GET", f"{url}/api{path}", headers=headers, timeout=5) as answer:
            assert answer.status_code == 200
            admin("DELETE", "/session", 204)
            list(answer.iter_lines())


def test_what_was_done_in_a_session_is_on_record_under_its_holders_name(admin, ask):
    admin("POST", "/sites", 201, json={"name": "c"})
    admin("DELETE", "/session", 204)
    entries = ask("GET", "/audit")["items"]
    assert [(each["who"], each["verb"]) for each in entries[:3]] == [
        ("admin", "DELETE /session"),
        ("admin", "POST /sites"),
        ("admin", "POST /session"),
    ]
    assert admin.cookie is None
    assert "sss_" not in str(entries)
    assert "sst_" not in str(entries)


def test_a_token_says_who_it_is_and_has_no_session_to_end(ask):
    shown = ask("GET", "/session")
    assert (shown["name"], shown["session_id"], shown["ends_at"], shown["idle_ends_at"]) == (
        "admin", None, None, None,
    )  # fmt: skip
    assert "not in a session" in ask("DELETE", "/session", 409)["error"]["message"]
