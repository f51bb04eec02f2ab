"""A second person is another person, whatever somebody logs in with."""

import pytest

from tests.support.login.browsers import PASSWORD

EVERYTHING = ("contributor", "access_administrator")


@pytest.fixture
def needed(ask):
    """From now on creating a site waits."""
    return lambda: ask("PUT", "/approvals/settings", json={"verbs": ["create_site"]})


@pytest.fixture
def in_charge(token):
    for name in ("chief", "deputy"):
        token(name, "access_administrator", valid_seconds=None)


def asked(who):
    assert who("POST", "/sites", 409, json={"name": "c"})["error"]["code"] == "approval-needed"
    return who("GET", "/approvals")["items"][0]["number"]


def test_who_asked_grants_it_in_no_other_session_and_by_no_token_of_theirs(
    ask, vault, person, browser, token, in_charge, needed
):
    anna, ben = person("anna", "contributor"), person("ben", "contributor")
    own = token("anna-laptop", "contributor", person="Anna")
    needed()
    number, elsewhere, by_token = asked(anna), browser(), browser()
    elsewhere.log_in(name="anna", password=PASSWORD)
    by_token.log_in(own)
    for who in (anna, elsewhere, by_token):
        assert "second person" in who("POST", f"/approvals/{number}/grant", 403)["error"]["message"]
    refused = vault.rest.post(f"/api/approvals/{number}/grant", headers={"Authorization": f"Bearer {own}"})
    assert refused.status_code == 403
    granted = ben("POST", f"/approvals/{number}/grant")
    assert (granted["stage"], granted["who"], granted["by"]) == ("done", "anna", "ben")
    ask("GET", "/sites/c")


def test_who_made_the_link_of_a_person_is_not_a_second_person_to_it(person, browser, in_charge, needed):
    boss = person("boss", *EVERYTHING)
    puppet = browser()
    puppet.log_in(
        link=boss("POST", "/people", 201, json={"name": "puppet", "roles": ["contributor"]})["link"]
    )
    puppet("PUT", "/session/password", json={"password": PASSWORD})
    needed()
    number = asked(boss)
    told = puppet("POST", f"/approvals/{number}/grant", 403)["error"]["message"]
    assert "made by boss" in told


@pytest.mark.parametrize("which", ["asker", "granter"])
def test_what_somebody_asked_or_granted_counts_no_more_once_they_were_changed(
    ask, person, in_charge, needed, which
):
    anna, ben, carl = (person(name, *EVERYTHING) for name in ("anna", "ben", "carl"))
    needed()
    assert anna("POST", "/tokens", 409, json={"name": "robot", "roles": ["reader"]})
    number = anna("GET", "/approvals")["items"][0]["number"]
    assert ben("POST", f"/approvals/{number}/grant")["stage"] == "granted"
    carl("PUT", f"/people/{'anna' if which == 'asker' else 'ben'}/disabled")
    anna("POST", "/tokens", 401 if which == "asker" else 409, json={"name": "robot", "roles": ["reader"]})
    assert "robot" not in [each["name"] for each in ask("GET", "/tokens")]


def test_what_makes_people_waits_as_soon_as_anything_does(person, in_charge, needed):
    boss = person("boss", *EVERYTHING)
    needed()
    for method, path, body in (
        ("POST", "/people", {"name": "puppet", "roles": ["contributor"]}),
        ("PUT", "/people/boss", {"roles": ["contributor"]}),
        ("POST", "/people/boss/reset-password", None),
        ("DELETE", "/people/boss/second-factor", None),
        ("PUT", "/log-in/settings", {"second_factor": False}),
    ):
        assert boss(method, path, 409, json=body)["error"]["code"] == "approval-needed"
    boss("PUT", "/people/boss/disabled")


def test_people_are_in_charge_as_tokens_are_if_they_can_log_in(ask, person, browser):
    """The first token's holder made all of them."""
    ask("PUT", "/approvals/settings", 409, json={"verbs": ["create_site"]})
    boss = person("boss", *EVERYTHING)
    boss("POST", "/people", 201, json={"name": "puppet", "roles": ["access_administrator"]})
    ask("PUT", "/approvals/settings", 409, json={"verbs": ["create_site"]})
    other = browser()
    link = ask("POST", "/people", 201, json={"name": "other", "roles": ["access_administrator"]})["link"]
    other.log_in(link=link)
    ask("PUT", "/approvals/settings", 409, json={"verbs": ["create_site"]})
    other("PUT", "/session/password", json={"password": PASSWORD})
    ask("PUT", "/approvals/settings", json={"verbs": ["create_site"]})


def test_whoever_was_changed_asks_anew_and_is_granted_that(ask, person, in_charge, needed):
    anna, ben = person("anna", "contributor"), person("ben", "contributor")
    needed()
    first = asked(anna)
    anna("PUT", "/session/password", json={"password": "another horse", "former_password": PASSWORD})
    assert "Ask again" in ben("POST", f"/approvals/{first}/grant", 409)["error"]["do"]
    second = asked(anna)
    assert second > first
    assert asked(anna) == second
    assert ben("POST", f"/approvals/{second}/grant")["stage"] == "done"
