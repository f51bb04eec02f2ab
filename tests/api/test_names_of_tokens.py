"""A token's name: it can be ended, and is mistaken for nobody else's."""

import json

import pytest

from secondsite.vault.facade.nouns import tokens

HOSTILE = (
    "a/b", "..", ".", "=cmd|' /C calc'!A0", "x\nadmin", "\x1b[2J", "\u202egnp", "\u200badmin", "\u0430dmin", " admin", "admin ",
    "stranger", "Secondsite", "several tokens", "0123456789abcdef0123456789abcdef", "", "a" * 101,
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_no_path_holds_or_that_looks_like_anothers_is_refused(ask, name):
    ask("POST", "/tokens", 422, json={"name": name, "roles": ["reader"]})


def test_a_name_that_differs_in_capitals_only_is_taken(ask):
    ask("POST", "/tokens", 409, json={"name": "Admin", "roles": ["reader"]})
    for name in ("night-shift", "anna@example.net", "of c", "x"):
        ask("POST", "/tokens", 201, json={"name": name, "roles": ["reader"]})


def test_a_token_with_such_a_name_of_an_earlier_release_is_ended_by_its_id(ask, monkeypatch):
    monkeypatch.setattr(tokens, "_check_name", lambda tx, name: None)
    made = ask("POST", "/tokens", 201, json={"name": "a/b", "roles": ["contributor"], "valid_seconds": None})
    (token,) = (each for each in ask("GET", "/tokens") if each["name"] == "a/b")
    assert ask("POST", f"/tokens/{token['id']}/rotate")["name"] == "a/b"
    ask("DELETE", f"/tokens/{token['id']}", 204)
    assert [each["name"] for each in ask("GET", "/tokens")] == ["admin"]
    ask("GET", "/vault", 401, headers={"Authorization": f"Bearer {made['token']}"})


@pytest.mark.parametrize("path", ["/tokens", "/sites", "/groups"])
def test_fields_that_nobody_knows_hide_nothing_in_the_audit_log(ask, two_sites, path):
    body = {"name": "made", "roles": ["contributor"], "source_site": "a", "target_site": "b"}
    ask("POST", path, 201, json=body | {"padding": "x" * 5000})
    (entry,) = ask("GET", "/audit", params={"limit": 1})["items"]
    after = json.loads(entry["details"])["after"]
    assert after["name"] == "made"
    assert path != "/tokens" or after["roles"] == ["contributor"]
