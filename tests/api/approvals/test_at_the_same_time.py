"""Many who ask, grant, refuse and withdraw the same at the same time: it is carried out once, or never."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.vault import VaultInProcess

pytestmark = pytest.mark.slow
AT_ONCE = 6
ENDED = {"done", "refused", "withdrawn"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def vault(request, tmp_path):
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    vault = VaultInProcess(tmp_path / "vault", url)
    yield vault
    vault.close()


@pytest.fixture
def at_once(vault):
    """Calls by several at the same time: the statuses."""

    def at_once(calls):
        def call(each):
            who, path = each
            return vault.rest.post(f"/api{path}", headers=who.headers).status_code

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return Counter(pool.map(call, calls))

    return at_once


def test_of_many_grants_at_once_one_carries_it_out(ask, anna, bob, require, protected, at_once):
    require("verify_point")
    for _ in range(5):
        before = len(ask("GET", "/jobs")["items"])
        number = anna.waits("POST", "/machines/web01/points/p1/verify")
        answers = at_once([(bob, f"/approvals/{number}/grant")] * AT_ONCE)
        assert set(answers) <= {200, 409}
        assert answers[200] >= 1
        assert len(ask("GET", "/jobs")["items"]) == before + 1
        assert anna.show(number)["stage"] == "done"


def test_who_asks_the_same_at_once_asks_once(anna, require, protected, at_once):
    require("verify_point")
    assert at_once([(anna, "/machines/web01/points/p1/verify")] * AT_ONCE) == {409: AT_ONCE}
    assert len(anna("GET", "/approvals")["items"]) == 1


def test_granted_refused_and_withdrawn_at_once_one_of_them_counts_and_what_is_done_was_granted(
    ask, anna, bob, chiefs, person, require, protected, at_once
):
    carl = person("carl")
    require("create_site")
    wanted = {}
    dice = random.Random(7)
    for round_number in range(12):
        name = f"s{round_number}"
        number = anna.waits("POST", "/sites", json={"name": name})
        calls = [
            *[(bob, "grant"), (carl, "grant"), (bob, "refuse"), (anna, "withdraw"), (anna, "grant")],
            (chiefs[0], "grant"),
        ]
        dice.shuffle(calls)
        at_once([(who, f"/approvals/{number}/{what}") for who, what in calls])
        wanted[name] = anna.show(number)
    stages = Counter(each["stage"] for each in wanted.values())
    assert set(stages) <= ENDED
    there = {each["name"] for each in ask("GET", "/sites")["items"]}
    assert {name for name, each in wanted.items() if each["stage"] == "done"} == there - {"a", "b"}
    assert {each["by"] for each in wanted.values() if each["stage"] == "done"} <= {"bob", "carl"}
    entries = ask("GET", "/audit", params={"limit": 1000, "verb": "POST /sites", "outcome": "done"})["items"]
    assert sum(each["who"] == "anna" for each in entries) == stages["done"]
    assert ask("GET", "/audit/verify")["intact"]
