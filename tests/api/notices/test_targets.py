"""Whom notices go to, through the API."""

import json
from typing import Any

import pytest

pytestmark = pytest.mark.slow
SECRET = "a key of the two sides"
HOOK: dict[str, Any] = {"webhook": {"url": "https://user.example.org/services/T0/abc"}, "secret": SECRET}
MAIL: dict[str, Any] = {
    "mail": {
        "host": "mail.example.org",
        "user": "vault",
        "sender": "v@example.org",
        "to": ["ops@example.org"],
    },
    "secret": SECRET,
}
PATH = "/notices/targets"


def make(ask, name="hook", wanted=201, **settings):
    return ask("POST", PATH, wanted, json={"name": name, **HOOK, **settings})


def refused(ask, **settings):
    return ask("POST", PATH, 422, json={"name": "x", **settings})["error"]


def test_a_target_is_made_shown_changed_under_its_edition_and_deleted(vault, ask):
    made = make(ask)
    assert made["has_secret"]
    assert "secret" not in made
    assert ask("GET", PATH)["items"] == [made] == [ask("GET", f"{PATH}/hook")]
    seen = vault.rest.get(f"/api{PATH}/hook").headers["etag"]
    changed = ask(
        "PUT", f"{PATH}/hook", json={"webhook": HOOK["webhook"], "enabled": False}, headers={"If-Match": seen}
    )
    assert (changed["enabled"], changed["has_secret"]) == (False, True)
    ask("PUT", f"{PATH}/hook", 412, json=HOOK, headers={"If-Match": seen})
    ask("DELETE", f"{PATH}/hook", 412, headers={"If-Match": seen})
    make(ask, wanted=409)
    ask("DELETE", f"{PATH}/hook", 204)
    ask("GET", f"{PATH}/hook", 404)


@pytest.mark.parametrize(
    "url", ["http://h:99999/", "http://h:abc/", "https://[::1/", "http://h:0/", "http://:80/"]
)
def test_a_webhook_that_nobody_can_call_is_refused(ask, url):
    assert refused(ask, webhook={"url": url}, secret=SECRET)["code"] == "invalid-argument"


def test_what_cannot_be_a_target_is_refused(ask):
    assert "one of the two" in refused(ask)["do"].lower()
    assert "openssl rand" in refused(ask, webhook=HOOK["webhook"], secret="short")["do"]
    for url in ("ftp://a/b", "https://user:word@host/", "https:///x", "file:///etc/passwd", "http://a b/"):
        assert refused(ask, webhook={"url": url}, secret=SECRET)["code"] == "invalid-argument"
    plain = {**MAIL["mail"], "tls": "none"}
    assert "without TLS" in refused(ask, mail=plain, secret=SECRET)["message"]
    for to in ("nobody", "a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>"):
        assert refused(ask, mail={**MAIL["mail"], "to": [to]}, secret=SECRET)["code"] == "invalid-argument"
    assert "password" in refused(ask, mail=MAIL["mail"])["message"]
    zone = {"begins": "22:00", "ends": "07:00", "zone": "../../etc/passwd"}
    assert "time zone" in refused(ask, **HOOK, quiet=zone)["message"]
    assert "all day" in refused(ask, **HOOK, quiet={"begins": "07:00", "ends": "07:00"})["message"]
    assert "failover" in refused(ask, **HOOK, wanted={"verbs": ["fly"]})["do"]


def test_a_secret_goes_to_another_server_only_if_it_is_given_again(ask):
    make(ask, "ops", webhook=None, **MAIL)
    elsewhere = {"mail": {**MAIL["mail"], "host": "elsewhere.example.org"}}
    error = ask("PUT", f"{PATH}/ops", 422, json=elsewhere)["error"]
    assert "secret was given for the former one" in error["message"]
    ask("PUT", f"{PATH}/ops", 422, json={"mail": MAIL["mail"], "ca_pem": "another"})
    ask("PUT", f"{PATH}/ops", 422, json={"mail": {**MAIL["mail"], "tls": "none"}})
    ask("PUT", f"{PATH}/ops", json={"mail": {**MAIL["mail"], "to": ["other@example.org"]}})
    ask("PUT", f"{PATH}/ops", json={**elsewhere, "secret": "another word"})
    ask("PUT", f"{PATH}/ops", json={**elsewhere, "ca_pem": "one", "secret": "another word"})
    ask("PUT", f"{PATH}/ops", json={**elsewhere, "ca_pem": "one\n"})


def test_no_secret_is_in_any_answer_nor_on_record_nor_in_what_waits(vault, ask):
    everything = {"roles": ["contributor", "access_administrator"], "valid_seconds": None}
    anna, _bob = (
        ask("POST", "/tokens", 201, json={"name": name, **everything})["token"] for name in ("anna", "bob")
    )
    make(ask)
    ask("PUT", f"{PATH}/hook", json=HOOK)
    refused(ask, webhook={"url": "nonsense"}, secret=SECRET)
    refused(ask, webhook={"url": 7}, secret=SECRET)
    vault.rest.post(f"/api{PATH}", content=json.dumps({"secret": SECRET})[:-1])
    ask("PUT", "/approvals/settings", json={"verbs": ["create_notice_target"]})
    waits = vault.rest.post(
        f"/api{PATH}", json={"name": "x", **HOOK}, headers={"Authorization": f"Bearer {anna}"}
    )
    assert waits.json()["error"]["code"] == "approval-needed"
    shown = [ask("GET", path) for path in (PATH, "/approvals", "/approvals/1", "/audit?limit=1000")]
    text = json.dumps(shown)
    assert SECRET not in text
    assert "T0/abc" not in json.dumps(shown[1:])
    assert "https://user.example.org/(not shown)" in text


def test_only_who_configures_the_whole_vault_sees_and_changes_them(vault, ask):
    ask("POST", "/sites", 201, json={"name": "a"})
    make(ask)
    for roles, site in (
        (["reader"], None),
        (["operator"], None),
        (["access_administrator"], None),
        (["contributor"], "a"),
    ):
        name = f"{roles[0]} {site}"
        made = ask("POST", "/tokens", 201, json={"name": name, "roles": roles, "site": site})
        headers = {"Authorization": f"Bearer {made['token']}"}
        for method, path in (
            ("GET", PATH),
            ("GET", f"{PATH}/hook"),
            ("POST", f"{PATH}/hook/test"),
            ("DELETE", f"{PATH}/hook"),
        ):
            ask(method, path, 403, headers=headers)


def test_there_are_twenty_at_most(ask):
    for number in range(20):
        make(ask, f"hook{number}", enabled=False)
    assert "Delete one" in make(ask, "more", wanted=409)["error"]["do"]
