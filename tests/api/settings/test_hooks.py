"""The hooks of a machine, through the API, on both databases."""

from typing import Any

import pytest

from tests.support.postgres import database_url
from tests.support.vault import machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
WHERE = "/machines/web01/hooks"
GIVE: dict[str, Any] = {
    "name": "give",
    "script": "give-address",
    "moment": "after_start",
    "directions": ["away"],
}
TAKE: dict[str, Any] = {"name": "take", "script": "take-address", "moment": "before_stop", "stops": True}


@pytest.fixture
def web01(vault, two_sites):
    source, target = two_sites
    made = machine("id-web01", "web01", source_appliance_id=source.id, target_appliance_id=target.id)
    with vault.store.transaction() as tx:
        tx.machines.add(made)


def put(ask, *hooks, wanted=200, **how):
    return ask("PUT", WHERE, wanted, json={"hooks": list(hooks)}, **how)


def test_hooks_are_set_changed_under_their_edition_and_taken_away(vault, ask, web01):
    assert ask("GET", WHERE)["hooks"] == []
    seen = vault.rest.get(f"/api{WHERE}").headers["etag"]
    made = put(ask, GIVE, TAKE, headers={"If-Match": seen})["hooks"]
    assert [{key: each[key] for key in wanted} for each, wanted in zip(made, (GIVE, TAKE), strict=True)] == [
        GIVE,
        TAKE,
    ]
    assert (made[0]["timeout_seconds"], made[1]["kinds"]) == (60, ["test", "planned", "unplanned"])
    assert put(ask, wanted=412, headers={"If-Match": seen})["error"]
    assert ask("GET", WHERE)["hooks"] == made
    assert put(ask)["hooks"] == []


def test_hooks_that_make_no_sense_are_refused(vault, ask, web01):
    changes: tuple[dict[str, Any], ...] = (
        {"name": "two words"},
        {"script": "../give"},
        {"script": ""},
        {"moment": "sometimes"},
        {"kinds": []},
        {"directions": ["up"]},
        {"timeout_seconds": 0},
        {"timeout_seconds": 3601},
        {"stops": True},
    )
    for change in changes:
        put(ask, {**GIVE, **change}, wanted=422)
    put(ask, GIVE, GIVE, wanted=422)
    put(ask, *({**GIVE, "name": f"give{number}"} for number in range(17)), wanted=422)
    assert len(put(ask, *({**GIVE, "name": f"give{number}"} for number in range(16)))["hooks"]) == 16
    ask("GET", "/machines/nosuch/hooks", 404)


def test_a_prediction_names_the_hooks_that_would_run(vault, ask, web01):
    home = {**GIVE, "name": "home", "directions": ["home"]}
    put(ask, GIVE, TAKE, home)
    found = {
        verb: ask("GET", f"/machines/web01/prediction?verb={verb}")["hooks"]
        for verb in ("failover", "planned_failover")
    }
    assert found == {"failover": ["give"], "planned_failover": ["give", "take"]}
