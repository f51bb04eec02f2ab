"""What a machine is to be like at its second site, through the API, on both databases."""

import json

import pytest

from secondsite.ground.units import GiB
from tests.support.postgres import database_url
from tests.support.vault import machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
WHERE = "/machines/web01/properties"
WANTED = {
    "target_name": "web01-dr",
    "vcpus": 2,
    "memory_bytes": 1 * GiB,
    "cpu_model": "host-model",
    "start_delay_seconds": 30,
    "apart": "db",
    "together": "shop",
    "settle": {"vda": {"place": "images", "format": "raw", "cache": None}},
}
NOTHING: dict[str, object] = {**dict.fromkeys(WANTED), "settle": {}}


@pytest.fixture
def machines(vault, two_sites):
    source, target = two_sites
    with vault.store.transaction() as tx:
        for name in ("web01", "db01"):
            tx.machines.add(
                machine(f"id-{name}", name, source_appliance_id=source.id, target_appliance_id=target.id)
            )


def put(ask, where=WHERE, wanted=200, headers=None, **values):
    return ask("PUT", where, wanted, json=values, **({"headers": headers} if headers else {}))


def set_now(ask, where=WHERE):
    found = ask("GET", where)
    return {name: found[name] for name in WANTED}


def test_they_are_set_changed_under_their_edition_shown_and_taken_back(vault, ask, machines):
    assert set_now(ask) == NOTHING
    assert ask("GET", "/machines/web01")["second_site"] is None
    seen = vault.rest.get(f"/api{WHERE}").headers["etag"]
    made = put(ask, headers={"If-Match": seen}, **WANTED)
    assert {name: made[name] for name in WANTED} == WANTED
    assert (made["own_vcpus"] > 0, made["own_memory_bytes"] > 0) == (True, True)
    assert put(ask, wanted=412, headers={"If-Match": seen}, vcpus=1)["error"]
    assert set_now(ask) == WANTED
    assert ask("GET", "/machines/web01")["second_site"] == {**WANTED, "stand_in": {}}
    assert ask("GET", "/machines/web01/preview")["machine"] == "web01"
    put(ask)
    assert set_now(ask) == NOTHING


def test_values_that_no_machine_can_have_are_refused(ask, machines):
    for values in (
        {"target_name": "a/b"},
        {"target_name": ""},
        {"vcpus": 0},
        {"vcpus": 513},
        {"memory_bytes": 1 << 20},
        {"memory_bytes": (1 << 30) + 1},
        {"cpu_model": "a b"},
        {"start_delay_seconds": -1},
        {"start_delay_seconds": 3601},
    ):
        put(ask, wanted=422, **values)
    assert set_now(ask) == NOTHING
    ask("GET", "/machines/nosuch/properties", 404)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("shop-dr", "db01 has that name there after a failover"),
        ("SHOP-dr", "db01 has that name there after a failover"),
        ("db01-test", "db01 has that name there in a test failover"),
        ("web01-test", "is the name of web01 in a test failover"),
    ],
)
def test_a_name_that_another_machine_has_or_is_to_have_there_is_refused(ask, machines, name, why):
    put(ask, "/machines/db01/properties", target_name="shop-dr")
    assert why in put(ask, wanted=422, target_name=name)["error"]["message"]
    assert set_now(ask) == NOTHING


def test_another_machine_s_own_name_is_free_once_that_one_has_another_there(ask, machines):
    put(ask, wanted=422, target_name="db01")
    put(ask, "/machines/db01/properties", target_name="db01-dr")
    assert put(ask, target_name="db01")["target_name"] == "db01"
    assert "web01 has that name" in put(ask, "/machines/db01/properties", 422)["error"]["message"]


def test_its_own_name_is_nothing_that_is_set(ask, machines):
    assert put(ask, target_name="web01")["target_name"] is None


def test_the_change_is_on_record(ask, machines):
    put(ask, **WANTED)
    (entry,) = ask("GET", "/audit", params={"limit": 1})["items"]
    told = json.loads(entry["details"])
    assert (told["before"].get("vcpus"), told["after"].get("vcpus")) == (None, 2)
