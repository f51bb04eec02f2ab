"""Tokens end, are replaced, and show when they were used."""

from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.vault.facade.nouns import tokens
from secondsite.vault.store.access.tokens import Tokens
from secondsite.wire.rest import Token
from secondsite.wire.rest.access.tokens import LIVES_SECONDS


@pytest.fixture
def create(ask):
    def create(name="robot", **more):
        return ask("POST", "/tokens", 201, json={"name": name, "roles": ["reader"], **more})

    return create


@pytest.fixture
def opens(vault):
    """Whether a token opens the vault."""

    def opens(token):
        answer = vault.rest.get("/api/vault", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 401)
        return answer.status_code == 200

    return opens


def listed(ask, name="robot"):
    return next(Token.model_validate(each) for each in ask("GET", "/tokens") if each["name"] == name)


def test_a_token_ends_after_90_days_unless_another_time_is_given(ask, create):
    until = listed(ask, create()["name"]).expires_at
    assert until is not None
    assert abs(until - datetime.now(UTC) - timedelta(seconds=LIVES_SECONDS)) < timedelta(minutes=1)
    assert listed(ask, create("ever", valid_seconds=None)["name"]).expires_at is None
    assert listed(ask, "admin").expires_at is None


def test_a_token_that_has_ended_opens_nothing_and_says_how_to_get_the_next(vault, ask, create, opens):
    token = create(valid_seconds=0.5)["token"]
    assert opens(token)
    eventually(lambda: not opens(token))
    refused = vault.rest.get("/api/vault", headers={"Authorization": f"Bearer {token}"}).json()["error"]
    assert "secondsite token rotate robot" in refused["do"]
    assert listed(ask).expired


def test_a_rotation_ends_the_former_secret_at_once_and_gives_the_next_the_same_life(ask, create, opens):
    former = create(valid_seconds=600)
    made = ask("POST", "/tokens/robot/rotate")
    assert (opens(former["token"]), opens(made["token"])) == (False, True)
    assert made["expires_at"] > former["expires_at"]
    assert listed(ask).roles == ("reader",)
    ask("POST", "/tokens/nosuch/rotate", 404)


def test_a_former_secret_is_valid_for_as_long_as_was_asked(ask, create, opens):
    former = create()["token"]
    made = ask("POST", "/tokens/robot/rotate", json={"former_valid_seconds": 1.5})["token"]
    assert opens(former)
    assert opens(made)
    assert listed(ask).former_valid_until is not None
    eventually(lambda: not opens(former))
    assert opens(made)
    assert listed(ask).former_valid_until is None
    ask("POST", "/tokens/robot/rotate", 422, json={"former_valid_seconds": 10**6})


def test_a_former_secret_never_outlives_its_own_end(ask, create, opens):
    former = create(valid_seconds=1)["token"]
    made = ask("POST", "/tokens/robot/rotate", json={"former_valid_seconds": 3600})
    eventually(lambda: not opens(former))
    assert made["expires_at"]


def test_a_token_of_ever_stays_one_when_it_is_rotated(vault, ask):
    made = ask("POST", "/tokens/admin/rotate")
    assert made["expires_at"] is None
    ask("GET", "/vault", 401)
    vault.rest.headers["Authorization"] = f"Bearer {made['token']}"
    ask("GET", "/vault")


def test_the_last_token_that_stays_in_charge_is_not_deleted(ask, create):
    create("boss", roles=["access_administrator"])
    create("worker", roles=["contributor"], valid_seconds=None)
    assert "--valid never" in ask("DELETE", "/tokens/admin", 409)["error"]["do"]
    create("next", roles=["access_administrator"], valid_seconds=None)
    ask("DELETE", "/tokens/next", 204)


def test_the_last_use_is_shown_and_no_request_writes_it(vault, ask, create, opens):
    token = create()["token"]
    assert opens(token)
    assert listed(ask).last_used_at is None
    vault.running.uses.write(vault.store)
    seen = listed(ask).last_used_at
    assert seen is not None
    assert datetime.now(UTC) - seen < timedelta(minutes=1)


# ---- names
# ------------------------------------------------------------------------------------------------------------

HOSTILE = (
    "a/b", "..", ".", "=cmd|' /C calc'!A0", "x\nadmin", "\x1b[2J", "\u202egnp", "\u200badmin", "\u0430dmin",
    " admin", "admin ",
    "stranger", "Secondsite", "several tokens", "schedule nightly", "Schedule verification",
    "0123456789abcdef0123456789abcdef", "", "a" * 101,
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


@pytest.mark.parametrize("field", ["sites", "machines", "scope", "role"])
def test_a_token_that_was_to_be_limited_by_what_is_no_field_is_not_given_at_all(ask, field):
    """It was given for the whole vault."""
    body = {"name": "robot", "roles": ["reader"], field: ["paris"]}
    assert field in ask("POST", "/tokens", 422, json=body)["error"]["message"]
    assert [each["name"] for each in ask("GET", "/tokens")] == ["admin"]


@pytest.fixture
def asked(vault, monkeypatch):
    """How often the database was asked whose secret it is."""
    found, find = [], Tokens.find

    def counted(self, digest):
        found.append(digest)
        return find(self, digest)

    monkeypatch.setattr(Tokens, "find", counted)
    return found


def test_a_secret_is_looked_up_once_until_a_token_is_changed(ask, create, opens, asked):
    token = create()["token"]
    asked.clear()
    assert all(opens(token) for _ in range(3))
    assert len(asked) == 1
    ask("DELETE", "/tokens/robot", 204)
    assert not opens(token)
    assert not opens(token)


def test_a_change_that_does_not_come_about_leaves_the_token_as_it_was(vault, create, opens):
    token = create()["token"]
    assert opens(token)
    with pytest.raises(RuntimeError), vault.facade.parts.store.transaction() as tx:
        tx.tokens.remove("robot")
        assert opens(token)
        raise RuntimeError
    assert opens(token)
