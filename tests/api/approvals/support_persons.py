"""A vault whose setting names verbs, and persons with tokens."""

import json

import pytest

NEVER = None
FAILOVER = {"machines": ["web01"], "choice": "latest_processed"}


class Person:
    """Asks with a token: method, path, wanted status; gives the answer's JSON."""

    def __init__(self, rest, token):
        self._rest = rest
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, method, path, wanted=200, headers=None, **how):
        answer = self._rest.request(method, f"/api{path}", headers={**self.headers, **(headers or {})}, **how)
        assert wanted in (None, answer.status_code), answer.text
        self.last = answer
        return answer.json() if answer.content else None

    def waits(self, method, path, **how):
        """The number of the request that is kept."""
        error = self(method, path, 409, **how)["error"]
        assert error["code"] == "approval-needed", error
        number = int(self.last.headers["location"].rpartition("/")[2])
        assert f"secondsite approval grant {number}" in error["do"]
        return number

    def grant(self, number, wanted=200):
        return self("POST", f"/approvals/{number}/grant", wanted)

    def show(self, number):
        return self("GET", f"/approvals/{number}")


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


def jobs(ask):
    return [job["id"] for job in ask("GET", "/jobs")["items"]]


@pytest.fixture
def guarded_later(require, protected):
    return lambda: require("failover", "disable_protection", "create_site")
