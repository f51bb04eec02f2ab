"""What a page from elsewhere, a thief and a guesser get: nothing."""

import pytest

from secondsite.api.credentials import COOKIE
from tests.support.login.browsers import OWN_PAGE

pytestmark = pytest.mark.always

FOREIGN_PAGES = {
    "fetch from another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "form of another site": {
        "Sec-Fetch-Site": "cross-site",
        "Origin": "https://evil.example",
        "Content-Type": "text/plain",
    },
    "another port of this host": {"Sec-Fetch-Site": "same-site", "Origin": "https://testserver:8000"},
    "a typed address": {"Sec-Fetch-Site": "none"},
    "a sandboxed frame": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "an old browser, elsewhere": {"Origin": "https://evil.example"},
    "an old browser, without TLS": {"Origin": "http://testserver"},
    "says nothing": {},
    "says two things": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "lies about the site, not the origin": {"Sec-Fetch-Site": "cross-site", "Origin": "https://testserver"},
}


@pytest.mark.parametrize("page", FOREIGN_PAGES)
def test_a_page_from_elsewhere_does_nothing_in_somebodys_session(admin, ask, page):
    headers = FOREIGN_PAGES[page]
    assert admin("POST", "/sites", 403, headers, json={"name": "c"})["error"]["code"] == "forbidden"
    admin("GET", "/machines", 403, headers)
    assert ask("GET", "/sites")["items"] == []


@pytest.mark.parametrize("page", [page for page in FOREIGN_PAGES if page != "says nothing"])
def test_a_page_from_elsewhere_logs_nobody_in_under_another_name(vault, browser, page):
    victim = browser()
    answer = victim.answer("POST", "/session", FOREIGN_PAGES[page], json={"token": vault.made.token})
    assert answer.status_code == (422 if "Content-Type" in FOREIGN_PAGES[page] else 403)
    assert victim.cookie is None


def test_an_old_browser_that_says_the_vaults_own_page_is_believed(admin):
    admin("POST", "/sites", 201, {"Origin": "https://testserver"}, json={"name": "c"})


def test_a_form_of_another_site_is_no_log_in_even_where_nothing_is_said_of_it(vault, browser):
    """A form cannot say that it sends JSON."""
    body = f'{{"token": "{vault.made.token}"}}'
    headers = {"Content-Type": "text/plain"}
    assert browser().answer("POST", "/session", headers, content=body).status_code == 422


def test_a_session_that_somebody_prepared_is_not_the_one_after_the_log_in(vault, browser, token):
    """Fixation: a cookie that was there before counts for nobody afterwards."""
    thief = browser()
    thief.log_in(token("thief", "reader"))
    for planted in ("sss_" + "a" * 43, thief.cookie):
        victim = browser()
        victim.cookie = planted
        victim.log_in(vault.made.token)
        assert victim.cookie != planted
        thief.cookie = planted
        thief("GET", "/session", 401)


def test_a_cookie_and_a_token_in_one_request_are_refused(vault, admin):
    headers = {**OWN_PAGE, "authorization": f"Bearer {vault.made.token}"}
    assert "cookie" in admin("GET", "/session", 401, headers)["error"]["message"]


def test_two_cookies_are_refused_whichever_is_right(admin):
    good = admin.cookie
    for pair in ((good, "x"), ("x", good), (good, good)):
        admin.cookie = f"{pair[0]}; {COOKIE}={pair[1]}"
        admin("GET", "/session", 401)


def test_the_secret_of_a_session_is_no_token_and_a_token_is_no_session(vault, admin):
    assert (
        vault.rest.get("/api/session", headers={"Authorization": f"Bearer {admin.cookie}"}).status_code == 401
    )
    admin.cookie = vault.made.token
    admin("GET", "/session", 401)


@pytest.mark.parametrize("cookie", ["", "x", "sss_" + "a" * 43, "sss_" + "\xe9" * 43, "a" * 4000, '"', "=;="])
def test_an_odd_cookie_opens_nothing(admin, cookie):
    admin.cookie = cookie
    assert admin.answer("GET", "/session").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {}, {"token": ""}, {"token": "x"}, {"token": ["x"]}, {"token": "sst_" + "a" * 43}, [],
        {"token": "x" * 300}, {"token": "sst_" + "a" * 43, "role": "contributor"},
    ],
)  # fmt: skip
def test_what_is_no_log_in_begins_no_session(browser, ask, body):
    nobody = browser()
    answer = nobody.answer("POST", "/session", json=body)
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers
    assert ask("GET", "/sessions") == []


def test_who_guesses_is_told_to_wait_and_the_owner_is_not_kept_out_for_long(vault, browser, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(vault.facade.parts.attempts, "_clock", lambda: now[0])
    guess = {"token": "sst_" + "a" * 43}
    statuses = [browser().answer("POST", "/session", json=guess).status_code for _ in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    refused = browser().answer("POST", "/session", json={"token": vault.made.token})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) == 5
    assert "5 s" in refused.json()["error"]["do"]
    now[0] += 5
    browser().log_in(vault.made.token)
    browser().log_in(vault.made.token)


def test_guesses_are_on_record_counted(vault, browser, ask):
    for _ in range(3):
        browser().answer("POST", "/session", json={"token": "sst_" + "a" * 43})
    vault.running.refusals.write()
    entry = ask("GET", "/audit")["items"][0]
    assert (entry["who"], entry["outcome"], entry["code"]) == ("stranger", "refused", 401)
    assert entry["details"] == '{"times":3}'
