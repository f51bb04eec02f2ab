"""A command line is let in by a code that somebody approves, and by nothing else."""

from datetime import timedelta

import pytest

from secondsite.vault.facade.nouns.login import command_lines
from secondsite.vault.facade.nouns.login.command_lines import LASTS, MOST_OF_ONE_ADDRESS
from tests.support.login.browsers import OWN_PAGE, PASSWORD

STRANGER = {"Authorization": ""}


@pytest.fixture
def asks(ask):
    """A command line asks for a code."""
    return lambda program="anna at laptop": ask(
        "POST", "/logins", 201, json={"program": program}, headers=STRANGER
    )


@pytest.fixture
def poll(ask):
    def poll(asked, wanted=200):
        return ask("POST", "/logins/poll", wanted, json={"secret": asked["secret"]}, headers=STRANGER)

    return poll


def test_a_command_line_is_let_in_as_whoever_approves_it_once(person, asks, poll, with_secret, ask):
    anna, asked = person("anna", "operator"), asks()
    assert poll(asked) == {"logged_in": None}
    shown = anna("GET", f"/logins/{asked['code'].lower().replace('-', '')}")
    assert (shown["program"], shown["address"]) == ("anna at laptop", "testclient")
    anna("POST", f"/logins/{asked['code']}/approve")
    anna("POST", f"/logins/{asked['code']}/approve", 404)
    got = poll(asked)["logged_in"]
    assert (got["name"], got["roles"], got["idle_ends_at"]) == ("anna", ["operator"], None)
    poll(asked, 401)
    assert with_secret(got["secret"], "GET", "/session")["name"] == "anna"
    kinds = [each["kind"] for each in anna("GET", "/sessions")]
    assert kinds == ["browser", "command_line"]
    entries = [(each["who"], each["verb"]) for each in ask("GET", "/audit")["items"]]
    assert entries[:2] == [("anna", "POST /logins/poll"), ("anna", "POST /logins/{code}/approve")]
    with_secret(got["secret"], "DELETE", "/session", 204)
    with_secret(got["secret"], "GET", "/session", 401)


def test_what_is_refused_forgotten_or_late_lets_nobody_in(person, asks, poll, clock):
    anna, refused, late = person("anna"), asks(), asks()
    anna("POST", f"/logins/{refused['code']}/refuse")
    poll(refused, 401)
    anna("POST", f"/logins/{refused['code']}/approve", 404)
    clock.ahead = LASTS + timedelta(seconds=1)
    anna("POST", f"/logins/{late['code']}/approve", 404)
    poll(late, 401)


def test_the_code_alone_lets_nobody_in(person, asks, poll, ask):
    asked = asks()
    for secret in (asked["code"], "", "ssp_" + "a" * 43, "sss_" + "a" * 43):
        poll({"secret": secret}, 401)
    ask("GET", f"/logins/{asked['code']}", 401, headers=STRANGER)
    ask("POST", f"/logins/{asked['code']}/approve", 401, headers=STRANGER)


def test_what_ends_who_approved_ends_the_command_line(ask, person, asks, poll, with_secret):
    anna, before, after = person("anna", "contributor"), asks(), asks()
    for each in (before, after):
        anna("POST", f"/logins/{each['code']}/approve")
    got = poll(before)["logged_in"]["secret"]
    ask("PUT", "/people/anna", json={"roles": ["reader"]})
    with_secret(got, "GET", "/session", 401)
    poll(after, 401)


def test_a_command_line_lets_in_no_other_one_so_that_no_session_lasts_for_ever(
    ask, person, asks, poll, browser, with_secret
):
    anna, first, second = person("anna"), asks(), asks()
    anna("POST", f"/logins/{first['code']}/approve")
    secret = poll(first)["logged_in"]["secret"]
    with_secret(secret, "POST", f"/logins/{second['code']}/approve", 403)
    by_link = browser()
    by_link.log_in(link=ask("POST", "/people", 201, json={"name": "ben", "roles": ["reader"]})["link"])
    by_link("POST", f"/logins/{second['code']}/approve", 403)
    poll(second)


def test_a_token_lets_in_and_its_end_is_the_end(ask, asks, poll, token, with_secret):
    asked, secret = asks(), token("robot", "reader")
    with_secret(secret, "POST", f"/logins/{asked['code']}/approve")
    got = poll(asked)["logged_in"]["secret"]
    assert with_secret(got, "GET", "/session")["name"] == "robot"
    ask("DELETE", "/tokens/robot", 204)
    with_secret(got, "GET", "/session", 401)


def test_the_secret_of_a_command_line_is_no_cookie_and_a_cookie_no_bearer(person, asks, poll, with_secret):
    anna, asked = person("anna"), asks()
    anna("POST", f"/logins/{asked['code']}/approve")
    secret = poll(asked)["logged_in"]["secret"]
    with_secret(anna.cookie, "GET", "/session", 401)
    anna.cookie = secret
    anna("GET", "/session", 401)


def test_no_page_approves_for_somebody_who_is_logged_in(person, asks):
    anna, asked = person("anna"), asks()
    anna("POST", f"/logins/{asked['code']}/approve", 403, {"Sec-Fetch-Site": "cross-site"})


def test_no_page_gets_the_secret_of_a_session(person, browser):
    person("anna")
    body = {"name": "anna", "password": PASSWORD, "kind": "command_line"}
    refused = browser()("POST", "/session", 403, OWN_PAGE, json=body)
    assert "secret" not in refused
    by_program = browser().answer("POST", "/session", {}, json=body)
    assert by_program.json()["secret"].startswith("sss_")
    assert "set-cookie" not in by_program.headers
    assert browser().log_in(name="anna", password=PASSWORD)["secret"] is None


def test_where_a_second_factor_is_needed_the_command_line_showed_what_its_approver_did(
    ask, person, asks, poll
):
    anna, asked = person("anna", "contributor"), asks()
    ask("PUT", "/log-in/settings", json={"second_factor": True})
    anna("POST", f"/logins/{asked['code']}/approve")
    assert poll(asked)["logged_in"]["roles"] == ["reader"]


def test_those_who_wait_are_few_and_the_oldest_of_an_address_gives_way(asks, poll, monkeypatch, ask):
    several = [asks() for _ in range(MOST_OF_ONE_ADDRESS + 1)]
    poll(several[0], 401)
    poll(several[1])
    monkeypatch.setattr(command_lines, "MOST_WAITING", MOST_OF_ONE_ADDRESS)
    monkeypatch.setattr(command_lines, "MOST_OF_ONE_ADDRESS", 100)
    refused = ask("POST", "/logins", 429, json={}, headers=STRANGER)
    assert "--name" in refused["error"]["do"]


def test_no_secret_is_in_the_log_or_on_record(person, asks, poll, ask, capfd):
    anna, asked = person("anna"), asks()
    anna("POST", f"/logins/{asked['code']}/approve")
    secret = poll(asked)["logged_in"]["secret"]
    told = str(ask("GET", "/audit")) + "".join(capfd.readouterr())
    assert secret not in told
    assert asked["secret"] not in told
