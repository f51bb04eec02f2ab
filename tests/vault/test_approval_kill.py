"""A vault that is killed while requests are granted carries each out once: not twice, not never."""

import contextlib
import json
import signal
import threading
import urllib.error

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow
ROUNDS, GRANTERS, REQUESTS = 4, 3, 18
BROKEN_OFF = (urllib.error.URLError, ConnectionError, TimeoutError, OSError)
EVERYTHING = ["contributor", "access_administrator"]


def ask_for(vault, token, name):
    """The number of the request that is kept."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        vault.post("/sites", token, {"name": name})
    assert json.loads(refused.value.read())["error"]["code"] == "approval-needed"
    return int(refused.value.headers["location"].rpartition("/")[2])


def test_a_granted_request_is_carried_out_once_however_often_the_vault_is_killed(start, made):
    vault = start()
    asker, second = (
        vault.post("/tokens", made.token, {"name": name, "roles": EVERYTHING, "valid_seconds": None})["token"]
        for name in ("anna", "bob")
    )
    vault.put("/approvals/settings", made.token, {"verbs": ["create_site"]})
    numbers: dict[int, str] = {}
    answered: set[int] = set()
    for round_number in range(ROUNDS):
        mine = {
            ask_for(vault, asker, f"s{round_number}-{number}"): f"s{round_number}-{number}"
            for number in range(REQUESTS)
        }
        numbers |= mine
        enough = len(answered) + 3 + 4 * round_number

        def grant(vault=vault, mine=mine):
            with contextlib.suppress(*BROKEN_OFF):
                for number in mine:
                    # of several who grant the same at once only one is first
                    with contextlib.suppress(urllib.error.HTTPError):
                        if vault.post(f"/approvals/{number}/grant", second, {})["stage"] == "done":
                            answered.add(number)

        granters = [threading.Thread(target=grant) for _ in range(GRANTERS)]
        for each in granters:
            each.start()
        eventually(lambda enough=enough: len(answered) >= enough, within_seconds=60)
        vault.end(signal.SIGKILL)
        for each in granters:
            each.join(30)
        vault = start()
        assert_each_once(vault, made, numbers, answered)
        for number in mine:
            assert vault.post(f"/approvals/{number}/grant", second, {})["stage"] == "done"
            answered.add(number)
        assert_each_once(vault, made, numbers, answered)
    sites = {each["name"] for each in vault.get("/sites?limit=1000", made.token)["items"]}
    assert sites == set(numbers.values())


def assert_each_once(vault, made, numbers, answered):
    """What is done is there, is on record once, and what was answered is done."""
    sites = {each["name"] for each in vault.get("/sites?limit=1000", made.token)["items"]}
    shown = vault.get("/approvals?limit=1000", made.token)["items"]
    done = {each["number"] for each in shown if each["stage"] == "done"}
    assert answered <= done
    assert {numbers[number] for number in done} == sites
    entries = vault.get("/audit?limit=1000&outcome=done", made.token)["items"]
    made_sites = [json.loads(e["details"])["asked"]["name"] for e in entries if e["verb"] == "POST /sites"]
    grants = [e["object"] for e in entries if e["verb"] == "POST /approvals/{number}/grant"]
    assert sorted(made_sites) == sorted(sites)
    assert sorted(grants) == sorted(f"/approvals/{number}/grant" for number in done)
    assert vault.get("/audit/verify", made.token)["intact"]
