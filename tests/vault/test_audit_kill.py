"""A vault that is killed has both a change and its entry in the audit log, or neither."""

import contextlib
import json
import signal
import threading
import urllib.error

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow
ROUNDS, CALLERS = 3, 4
BROKEN_OFF = (urllib.error.URLError, ConnectionError, TimeoutError, OSError)


def test_a_vault_that_is_killed_has_both_a_change_and_its_entry_or_neither(start, made):
    answered: list[str] = []
    for round_number in range(ROUNDS):
        vault = start()
        enough = len(answered) + 15 * CALLERS

        def make(caller, vault=vault, round_number=round_number):
            with contextlib.suppress(*BROKEN_OFF):
                for number in range(10_000):
                    name = f"s{round_number}-{caller}-{number}"
                    vault.post("/sites", made.token, {"name": name})
                    answered.append(name)

        callers = [threading.Thread(target=make, args=(caller,)) for caller in range(CALLERS)]
        for caller in callers:
            caller.start()
        eventually(lambda enough=enough: len(answered) >= enough, within_seconds=60)
        vault.end(signal.SIGKILL)
        for caller in callers:
            caller.join(30)
    vault = start()
    sites = {each["name"] for each in everything(vault, made, "/sites?limit=1000")}
    entries = everything(vault, made, "/audit?limit=1000")
    on_record = [
        json.loads(each["details"])["asked"]["name"] for each in entries if each["verb"] == "POST /sites"
    ]
    assert sorted(on_record) == sorted(sites)
    assert set(answered) <= sites
    assert len(sites) >= ROUNDS * 15 * CALLERS
    assert vault.get("/audit/verify", made.token)["intact"]


def everything(vault, made, path):
    found = vault.get(path, made.token)
    items = found["items"]
    while found["next"]:
        found = vault.get(f"{path}&cursor={found['next']}", made.token)
        items += found["items"]
    return items
