"""People have a password that they alone know, and one standing at a time."""

from datetime import timedelta
from urllib.parse import quote

import argon2
import pytest

from secondsite.domain import errors
from secondsite.domain.access.roles import Role
from secondsite.domain.access.sessions import BY_LINK_SECONDS
from secondsite.entry.login_link import login_link
from secondsite.vault.facade.nouns.login.people import LINK_LASTS, RECOVERY_LASTS
from tests.support.entry import backups
from tests.support.login.browsers import OWN_PAGE, PASSWORD

OTHER = "seven boats over the hill"


def code_of(answer):
    return answer["error"]["code"]


def test_a_person_comes_in_by_a_link_and_chooses_a_password_that_nobody_else_knows(ask, browser):
    made = ask("POST", "/people", 201, json={"name": "Anna B", "roles": ["operator"], "site": None})
    anna = browser()
    shown = anna.log_in(link=made["link"])
    assert (shown["name"], shown["is_person"], shown["chooses_password"]) == ("Anna B", True, True)
    shown = anna("PUT", "/session/password", json={"password": PASSWORD})
    assert not shown["chooses_password"]
    again = browser()
    assert again.log_in(name="anna b", password=PASSWORD)["roles"] == ["operator"]
    listed = ask("GET", "/people/Anna B")
    assert (listed["has_password"], listed["link_until"]) == (True, None)
    assert "argon2" not in str(ask("GET", "/people"))


def test_a_link_lets_in_once_and_for_its_time(ask, browser, clock):
    made = ask("POST", "/people", 201, json={"name": "anna", "roles": ["reader"]})
    browser().log_in(link=made["link"])
    assert "used" in browser().log_in(link=made["link"], wanted=401)["error"]["message"]
    late = ask("POST", "/people/anna/reset-password")
    clock.ahead = LINK_LASTS + timedelta(seconds=1)
    assert "time" in browser().log_in(link=late["link"], wanted=401)["error"]["message"]


def test_a_newer_link_ends_the_one_before(ask, browser):
    first = ask("POST", "/people", 201, json={"name": "anna", "roles": ["reader"]})
    second = ask("POST", "/people/anna/reset-password")
    browser().log_in(link=first["link"], wanted=401)
    browser().log_in(link=second["link"])


def test_a_session_by_a_link_is_a_short_one(ask, browser, clock):
    anna = browser()
    anna.log_in(link=ask("POST", "/people", 201, json={"name": "anna", "roles": ["reader"]})["link"])
    for minutes in (25, 50):
        clock.ahead = timedelta(minutes=minutes)
        anna("GET", "/session")
    clock.ahead = timedelta(seconds=BY_LINK_SECONDS + 1)
    anna("GET", "/session", 401)


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "elevenchars", "a" * 201, "aaaaaaaaaaaaaaaa", "abababababababab", "Password12345!",
        "P@ssw0rdP@ssw0rd", "qwertyuiop123456", "123456789012345", "secondsite2026!!", "WelcomeWelcome1",
        "annelisebauer123", "Administrator99", "letmeinletmein",
    ],
)  # fmt: skip
def test_a_password_that_is_short_or_common_is_refused(person, password):
    anna = person("annelisebauer")
    body = {"password": password, "former_password": PASSWORD}
    assert code_of(anna("PUT", "/session/password", 422, json=body)) == "invalid-argument"


def test_one_changes_ones_own_password_by_the_present_one_and_is_in_nowhere_else_then(person, browser):
    anna, elsewhere = person("anna"), browser()
    elsewhere.log_in(name="anna", password=PASSWORD)
    wrong = {"password": OTHER, "former_password": "what was it again"}
    anna("PUT", "/session/password", 401, json=wrong)
    anna("PUT", "/session/password", 401, json={"password": OTHER})
    before = anna.cookie
    anna("PUT", "/session/password", json={"password": OTHER, "former_password": PASSWORD})
    assert anna.cookie != before
    anna("GET", "/session")
    elsewhere("GET", "/session", 401)
    browser().log_in(name="anna", password=PASSWORD, wanted=401)
    browser().log_in(name="anna", password=OTHER)


def test_a_token_has_no_password(ask, admin):
    for who in (ask, admin):
        who("PUT", "/session/password", 409, json={"password": OTHER})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/people/anna", {"roles": ["reader"]}),
        ("PUT", "/people/anna/disabled", None),
        ("POST", "/people/anna/reset-password", None),
        ("DELETE", "/people/anna/second-factor", None),
        ("DELETE", "/people/anna", None),
    ],
)
def test_whatever_changes_a_persons_standing_ends_the_sessions(ask, person, method, path, body):
    anna = person("anna", "contributor")
    anna("POST", "/sites", 201, json={"name": "c"})
    ask(method, path, 204 if method == "DELETE" and path.endswith("anna") else 200, json=body)
    anna("POST", "/sites", 401, json={"name": "d"})
    assert ask("GET", "/sessions") == []


def test_a_person_is_changed_and_deleted_as_was_read(vault, ask, person, browser):
    """A role that somebody else had taken away meanwhile came back."""
    person("anna")

    def seen():
        return {"If-Match": vault.rest.get("/api/people/anna").headers["etag"]}

    first = seen()
    browser().log_in(name="anna", password=PASSWORD)
    assert seen() == first  # a log-in changes nothing that is edited
    ask("PUT", "/people/anna", json={"roles": ["operator"]}, headers=first)
    ask("PUT", "/people/anna", 412, json={"roles": ["contributor"]}, headers=first)
    ask("DELETE", "/people/anna", 412, headers=first)
    ask("DELETE", "/people/anna", 204, headers=seen())


def test_who_is_disabled_comes_in_by_nothing_until_enabled(ask, person, browser):
    person("anna")
    link = ask("POST", "/people", 201, json={"name": "ben", "roles": ["reader"]})["link"]
    for name in ("anna", "ben"):
        ask("PUT", f"/people/{name}/disabled")
    browser().log_in(name="anna", password=PASSWORD, wanted=401)
    browser().log_in(link=link, wanted=401)
    ask("POST", "/people/anna/reset-password", 409)
    ask("DELETE", "/people/anna/disabled")
    browser().log_in(name="anna", password=PASSWORD)


def test_a_person_sees_the_scope_and_no_more(ask, person, protected):
    ask("POST", "/sites", 201, json={"name": "c"})
    person("anna", "operator", site="a")("GET", "/machines/web01")
    person("ben", "operator", site="c")("GET", "/machines/web01", 404)
    assert "person" in ask("DELETE", "/sites/c", 409)["error"]["message"]
    ask("POST", "/people", 422, json={"name": "x", "roles": ["access_administrator"], "site": "a"})
    ask("POST", "/people", 404, json={"name": "x", "roles": ["reader"], "site": "nosuch"})


def test_only_whoever_manages_access_sees_and_changes_people(person):
    anna = person("anna", "contributor")
    for method, path, body in (
        ("GET", "/people", None),
        ("POST", "/people", {"name": "x", "roles": ["contributor"]}),
        ("PUT", "/people/anna", {"roles": ["access_administrator"]}),
        ("POST", "/people/anna/reset-password", None),
        ("PUT", "/log-in/settings", {"second_factor": False}),
    ):
        anna(method, path, 403, json=body)


HOSTILE = ("a/b", "..", "", "stranger", "Secondsite", "schedule x", "x\nadmin", "\u0430dmin", "a" * 101)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_no_path_holds_or_that_looks_like_anothers_is_refused(ask, name):
    ask("POST", "/people", 422, json={"name": name, "roles": ["reader"]})


def test_nobody_takes_the_name_of_somebody_else_or_of_their_token(ask, person, token):
    person("anna")
    token("robot", "reader", person="carl")
    for name in ("Anna", "ROBOT"):
        ask("POST", "/people", 409, json={"name": name, "roles": ["reader"]})
    ask("POST", "/tokens", 409, json={"name": "anna", "roles": ["reader"], "person": "ben"})
    token("anna", "reader")


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(ask, person, browser):
    person("anna")
    ask("POST", "/people", 201, json={"name": "ben", "roles": ["reader"]})
    answers = {
        str(browser().log_in(name=name, password=OTHER, wanted=401)) for name in ("anna", "ben", "nobody")
    }
    assert len(answers) == 1


def test_an_unknown_name_takes_as_much_of_the_processor_as_a_known_one(person, browser, monkeypatch):
    """What is measured is the work: how often Argon2id ran."""
    person("anna")
    browser().log_in(name="nobody", password=OTHER, wanted=401)
    ran, verify = [], argon2.PasswordHasher.verify

    def counted(hasher, kept, password):
        ran.append(kept[:30])
        return verify(hasher, kept, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for name in ("anna", "nobody"):
        browser().log_in(name=name, password=OTHER, wanted=401)
    assert len(ran) == 2
    assert ran[0] == ran[1]


def test_guesses_at_a_person_are_counted_on_record_by_names_that_there_are(vault, ask, person, browser):
    person("anna")
    for name in ("anna", "anna", PASSWORD):
        browser().log_in(name=name, password=OTHER, wanted=401)
    vault.running.refusals.write()
    entries = [each for each in ask("GET", "/audit")["items"] if each["object"] == "/people/anna"]
    assert (entries[0]["who"], entries[0]["outcome"], entries[0]["details"]) == (
        "stranger", "refused", '{"times":2}',
    )  # fmt: skip
    assert PASSWORD not in str(ask("GET", "/audit"))


def test_guesses_at_a_person_wait_and_the_owner_comes_in_from_elsewhere(vault, person, browser, monkeypatch):
    person("anna")
    monkeypatch.setattr(vault.rest._transport, "client", ("198.51.100.7", 5))  # noqa: SLF001 another address
    statuses = [
        browser().answer("POST", "/session", json={"name": "anna", "password": OTHER}) for _ in range(9)
    ]
    assert {each.status_code for each in statuses[:5]} == {401}
    assert {each.status_code for each in statuses[5:]} == {429}
    monkeypatch.setattr(vault.rest._transport, "client", ("testclient", 5))  # noqa: SLF001 the owner's
    browser().log_in(name="anna", password=PASSWORD)


def test_no_secret_of_a_person_is_in_the_log_or_on_record(vault, ask, person, capfd):
    anna = person("anna")
    anna("PUT", "/session/password", json={"password": OTHER, "former_password": PASSWORD})
    told = str(ask("GET", "/audit")) + "".join(capfd.readouterr())
    for secret in (PASSWORD, OTHER, "ssl_", "sss_"):
        assert secret not in told


def test_root_lets_somebody_in_once_within_ten_minutes_on_record(vault, ask, person, browser, clock):
    person("anna", "contributor")
    link = login_link(vault.home, "anna").link
    anna = browser()
    shown = anna.log_in(link=link)
    assert shown["chooses_password"]
    anna("POST", "/sites", 201, json={"name": "c"})
    anna("PUT", "/session/password", json={"password": OTHER})
    browser().log_in(link=link, wanted=401)
    browser().log_in(name="anna", password=OTHER)
    entries = [each for each in ask("GET", "/audit")["items"] if each["object"] == "/people/anna"]
    assert entries[0]["verb"] == "person login-link"
    assert entries[0]["who"] == "secondsite"
    link = login_link(vault.home, "anna").link
    clock.ahead = RECOVERY_LASTS + timedelta(seconds=5)
    browser().log_in(link=link, wanted=401)


def test_root_makes_a_person_where_there_is_none(vault, browser):
    with pytest.raises(errors.NotFound):
        login_link(vault.home, "anna")
    shown = browser().log_in(link=login_link(vault.home, "anna", (Role.CONTRIBUTOR,)).link)
    assert shown["roles"] == ["contributor"]


def test_a_restored_vault_has_neither_sessions_nor_links_of_its_backup(vault, ask, person, tmp_path):
    anna = person("anna", "contributor")
    link = ask("POST", "/people", 201, json={"name": "ben", "roles": ["reader"]})["link"]
    taken = backups.take(vault.home, tmp_path / "file")
    backups.restore(tmp_path / "restored", taken.path)
    with backups.served(tmp_path / "restored") as restored:
        token = restored.headers.pop("Authorization")
        cookie = {**OWN_PAGE, "Cookie": f"__Host-session={anna.cookie}"}
        assert restored.get("/api/session", headers=cookie).status_code == 401
        assert restored.post("/api/session", json={"link": link}).status_code == 401
        body = {"name": "anna", "password": PASSWORD}
        assert restored.post("/api/session", json=body).status_code == 201
        listed = restored.get("/api/people", headers={"Authorization": token}).json()
        assert [(each["name"], each["link_until"]) for each in listed] == [("anna", None), ("ben", None)]


@pytest.mark.parametrize("name", ["a\x01b", "a" * 90 + "\u0430", "%00", "' OR 1=1 --"])
def test_an_odd_name_is_nobodys(ask, browser, name):
    browser().log_in(name=name, password=PASSWORD, wanted=401)
    ask("GET", f"/people/{quote(name, safe='')}", 404)
