"""A vault whose setting names verbs, and persons with tokens."""

import json

import pytest

from tests.api.approvals.support_persons import NEVER, Person


@pytest.fixture
def person(vault, ask):
    """Somebody new, with a token that the first administrator made."""

    def person(name, *roles, **more):
        body = {"name": name, "roles": roles or ("contributor",), **more}
        return Person(vault.rest, ask("POST", "/tokens", 201, json=body)["token"])

    return person


@pytest.fixture
def chiefs(person):
    """Two access administrators who do not end."""
    chief = ("access_administrator",)
    return tuple(person(name, *chief, valid_seconds=NEVER) for name in ("chief", "deputy"))


@pytest.fixture
def anna(person):
    return person("anna")


@pytest.fixture
def bob(person):
    return person("bob")


@pytest.fixture
def require(chiefs, anna, bob):
    """Names verbs, once anna, bob and the chiefs are there."""
    return lambda *verbs: chiefs[0]("PUT", "/approvals/settings", json={"verbs": verbs})


@pytest.fixture
def guarded(require, protected):
    """web01 is protected; to fail over and to disable protection takes two."""
    require("failover", "disable_protection")


@pytest.fixture
def log(ask):
    """What was recorded of these, oldest first: verb, who, outcome, and the details."""

    def log(*verbs):
        found = ask("GET", "/audit", params={"oldest_first": True, "limit": 1000})["items"]
        return [
            (e["verb"], e["who"], e["outcome"], json.loads(e["details"])) for e in found if e["verb"] in verbs
        ]

    return log


@pytest.fixture
def guarded_later(require, protected):
    return lambda: require("failover", "disable_protection", "create_site")
