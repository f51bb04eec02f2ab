"""Codes count once; without one the password alone is not enough."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest

from secondsite.entry.login_link import login_link
from tests.support.login.browsers import PASSWORD


@pytest.fixture
def enrolled(person, clock):
    """A person with an app: the browser, the app, and codes for recovery."""

    def enrolled(name, *roles):
        mine = person(name, *roles)
        begun = mine("POST", "/session/second-factor", json={"password": PASSWORD})
        app = pyotp.TOTP(begun["secret"])
        codes = mine("PUT", "/session/second-factor", json={"one_time_code": app.at(clock())})["codes"]
        clock.ahead += timedelta(seconds=30)
        return mine, app, codes

    return enrolled


def test_the_picture_says_what_the_app_needs_and_may_stand_on_a_strict_page(person):
    begun = person("anna")("POST", "/session/second-factor", json={"password": PASSWORD})
    assert begun["uri"].startswith("otpauth://totp/secondsite%20vault:anna?secret=" + begun["secret"])
    assert begun["svg"].startswith("<svg")
    assert "style" not in begun["svg"]
    assert "<script" not in begun["svg"]


def test_a_code_is_asked_for_once_the_password_was_right_and_not_before(enrolled, browser, clock):
    _, app, _ = enrolled("anna")
    refused = browser().log_in(name="anna", password="nothing of the kind", wanted=401)
    assert refused["error"]["code"] == "unauthenticated"
    refused = browser().log_in(name="anna", password=PASSWORD, wanted=401)
    assert refused["error"]["code"] == "second-factor-needed"
    assert refused["error"]["do"].startswith("Give the code that your app shows now")
    shown = browser().log_in(name="anna", password=PASSWORD, code=app.at(clock()))
    assert (shown["has_second_factor"], shown["has_app"]) == (True, True)


def test_a_code_counts_once_and_none_of_before_it_counts_after(enrolled, browser, clock):
    _, app, _ = enrolled("anna")
    before, now = app.at(clock() - timedelta(seconds=30)), app.at(clock())
    browser().log_in(name="anna", password=PASSWORD, code=now)
    for code in (now, before):
        browser().log_in(name="anna", password=PASSWORD, code=code, wanted=401)
    clock.ahead += timedelta(seconds=30)
    browser().log_in(name="anna", password=PASSWORD, code=f" {app.at(clock())[:3]} {app.at(clock())[3:]}")


def test_two_at_once_with_one_code_are_one(enrolled, browser, clock):
    _, app, _ = enrolled("anna")
    body = {"name": "anna", "password": PASSWORD, "code": app.at(clock())}
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: browser().answer("POST", "/session", json=body), range(3)))
    assert sorted(each.status_code for each in answers) == [201, 401, 401]


def test_a_code_for_recovery_counts_once(enrolled, browser):
    _, _, codes = enrolled("anna")
    assert len(set(codes)) == 10
    browser().log_in(name="anna", password=PASSWORD, code=codes[3].upper())
    browser().log_in(name="anna", password=PASSWORD, code=codes[3], wanted=401)
    browser().log_in(name="anna", password=PASSWORD, code=codes[4].replace("-", " "))


def test_nothing_counts_until_the_apps_first_code_came(person, browser):
    anna = person("anna")
    anna("PUT", "/session/second-factor", 409, json={"one_time_code": "123456"})
    anna("POST", "/session/second-factor", json={"password": PASSWORD})
    anna("PUT", "/session/second-factor", 401, json={"one_time_code": "000000"})
    browser().log_in(name="anna", password=PASSWORD)


def test_setting_it_up_ends_the_other_sessions_and_gives_a_new_cookie(person, browser, clock):
    anna, elsewhere = person("anna"), browser()
    elsewhere.log_in(name="anna", password=PASSWORD)
    app, before = (
        pyotp.TOTP(anna("POST", "/session/second-factor", json={"password": PASSWORD})["secret"]),
        anna.cookie,
    )
    anna("PUT", "/session/second-factor", json={"one_time_code": app.at(clock())})
    assert anna.cookie != before
    elsewhere("GET", "/session", 401)
    anna("POST", "/session/second-factor", 409, json={"password": PASSWORD})


def test_whoever_took_a_session_over_sets_up_none_and_keeps_it_no_longer_by_removing_none(person, browser):
    anna = person("anna")
    for password in ({}, {"password": "something else"}):
        refused = anna("POST", "/session/second-factor", 401, json=password)
        assert "present password is wrong" in refused["error"]["message"]
    anna("POST", "/session/second-factor/remove", 409, json={})


def test_no_session_lasts_longer_for_a_second_factor_and_a_links_stays_one(ask, enrolled, browser, clock):
    anna, app, _ = enrolled("anna")
    ends = anna("GET", "/session")["ends_at"]
    clock.ahead += timedelta(minutes=5)
    anna("POST", "/session/second-factor/remove", json={"one_time_code": app.at(clock())})
    assert anna("GET", "/session")["ends_at"] == ends
    ben = browser()
    ben.log_in(link=ask("POST", "/people", 201, json={"name": "ben", "roles": ["reader"]})["link"])
    app = pyotp.TOTP(ben("POST", "/session/second-factor", json={})["secret"])
    ben("PUT", "/session/second-factor", json={"one_time_code": app.at(clock())})
    assert ben("GET", "/session")["chooses_password"]


def test_it_is_removed_by_a_code_or_by_whoever_manages_access(enrolled, ask, browser, clock):
    anna, app, _ = enrolled("anna")
    anna("POST", "/session/second-factor/remove", 401, json={})
    anna("POST", "/session/second-factor/remove", 401, json={"one_time_code": "000000"})
    anna("POST", "/session/second-factor/remove", json={"one_time_code": app.at(clock())})
    browser().log_in(name="anna", password=PASSWORD)
    enrolled("ben")
    assert not ask("DELETE", "/people/ben/second-factor")["has_second_factor"]
    browser().log_in(name="ben", password=PASSWORD)


def test_an_administrators_link_does_not_get_round_it_but_roots_does(vault, enrolled, ask, browser, clock):
    _, app, _ = enrolled("anna")
    link = ask("POST", "/people/anna/reset-password")["link"]
    refused = browser().log_in(link=link, wanted=401)
    assert refused["error"]["code"] == "second-factor-needed"
    browser().log_in(link=link, code=app.at(clock()))
    anna = browser()
    anna.log_in(link=login_link(vault.home, "anna").link)
    assert not anna("POST", "/session/second-factor/remove", json={})["has_second_factor"]


def test_codes_are_guessed_a_few_times_an_hour(enrolled, browser):
    enrolled("anna")
    guess = {"name": "anna", "password": PASSWORD, "code": "000000"}
    statuses = [browser().answer("POST", "/session", json=guess) for _ in range(8)]
    assert [each.status_code for each in statuses] == [401] * 5 + [429] * 3
    assert int(statuses[-1].headers["retry-after"]) > 200


def test_where_it_is_needed_who_has_none_only_reads_until_it_is_set_up(ask, person, browser, clock):
    boss, anna = person("boss", "access_administrator"), person("anna", "contributor")
    assert ask("GET", "/log-in/settings") == {"second_factor": False}
    ask("PUT", "/log-in/settings", json={"second_factor": True})
    shown = anna("GET", "/session")
    assert (shown["roles"], shown["lacks_second_factor"]) == (["reader"], True)
    anna("GET", "/machines")
    anna("POST", "/sites", 403, json={"name": "c"})
    boss("GET", "/people", 403)
    boss("PUT", "/log-in/settings", 403, json={"second_factor": False})
    app = pyotp.TOTP(anna("POST", "/session/second-factor", json={"password": PASSWORD})["secret"])
    anna("PUT", "/session/second-factor", json={"one_time_code": app.at(clock())})
    anna("POST", "/sites", 201, json={"name": "c"})
    ask("POST", "/sites", 201, json={"name": "d"})  # a token is no person
    assert not person("ben", "reader")("GET", "/session")["lacks_second_factor"]


def test_the_apps_secret_is_shown_once_and_to_nobody_else(enrolled, ask, capfd):
    _, app, codes = enrolled("anna")
    told = str(ask("GET", "/people")) + str(ask("GET", "/audit")) + "".join(capfd.readouterr())
    assert app.secret not in told
    assert not any(code in told for code in codes)


def test_a_password_that_was_right_is_not_counted_while_codes_are_kept_waiting(enrolled, browser):
    enrolled("anna")
    for _ in range(5):
        browser().log_in(name="anna", password=PASSWORD, code="000000", wanted=401)
    for _ in range(8):
        browser().log_in(name="anna", password=PASSWORD, code="000000", wanted=429)
    refused = browser().log_in(name="anna", password=PASSWORD, wanted=401)
    assert refused["error"]["code"] == "second-factor-needed"


def test_codes_with_links_that_are_none_keep_nobody_waiting(enrolled, ask, browser, clock):
    _, app, _ = enrolled("anna")
    for _ in range(8):
        browser().log_in(link="ssl_" + "x" * 32, code="000000", wanted=401)
    link = ask("POST", "/people/anna/reset-password")["link"]
    browser().log_in(link=link, code=app.at(clock()))


def test_whoever_came_by_roots_link_and_chose_a_password_says_it_from_then_on(
    vault, enrolled, browser, clock
):
    enrolled("anna", "contributor")
    anna = browser()
    anna.log_in(link=login_link(vault.home, "anna").link)
    ends = anna("GET", "/session")["ends_at"]
    body = {"password": "seven boats over the hill"}
    shown = anna("PUT", "/session/password", json=body)
    assert (shown["chooses_password"], shown["ends_at"], shown["roles"]) == (False, ends, ["contributor"])
    anna("PUT", "/session/password", 401, json={"password": "nine stones over the hill"})
    anna("POST", "/session/second-factor/remove", json={})  # the app is lost: that is why root was asked
