"""How a machine's network cards are connected at its second site, through the API, on both databases."""

import dataclasses
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from secondsite.entry import settings
from secondsite.entry.vault_wiring import RunningVault
from secondsite.vault.store import InventoryRecord, PoolAddressRecord
from secondsite.wire.common.machines import NetworkInfo, NicDefinition
from secondsite.wire.control.orders import Inventory
from tests.support.postgres import database_url
from tests.support.vault import VaultInProcess, machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
LAN, DMZ = "52:54:00:00:00:01", "52:54:00:00:00:0A"
WHERE = "/machines/web01/settings"


def add_web01(vault, source, target):
    made = machine("id-web01", "web01", source_appliance_id=source.id, target_appliance_id=target.id)
    nics = (NicDefinition(key="net0", mac=LAN, network="lan"), NicDefinition(key="net1", mac=DMZ))
    with vault.store.transaction() as tx:
        tx.machines.add(
            dataclasses.replace(made, definition=made.definition.model_copy(update={"nics": nics}))
        )


@pytest.fixture
def web01(vault, two_sites):
    add_web01(vault, *two_sites)


def put(ask, *cards, wanted=200, **how):
    return ask("PUT", WHERE, wanted, json={"cards": list(cards)}, **how)


def test_cards_are_shown_with_what_they_become_and_changed_under_their_edition(vault, ask, web01):
    mapping = {"source_site": "a", "source_network": "lan", "target_site": "b", "target_network": "lan-b"}
    ask("PUT", "/networks/mappings", json=mapping)
    shown = ask("GET", WHERE)
    assert [(card["key"], card["mac"], card["becomes"]) for card in shown["cards"]] == [
        ("net0", LAN, "lan-b"),
        ("net1", DMZ.lower(), None),
    ]
    seen = vault.rest.get(f"/api{WHERE}").headers["etag"]
    changed = put(ask, {"mac": DMZ, "network": "dmz-b", "keep_mac": False}, headers={"If-Match": seen})
    assert [card["becomes"] for card in changed["cards"]] == ["lan-b", "dmz-b"]
    assert not changed["cards"][1]["keep_mac"]
    refused = put(ask, wanted=412, headers={"If-Match": seen})
    assert refused["error"]["code"] == "changed-meanwhile"
    assert ask("GET", WHERE) == changed
    assert [card["becomes"] for card in put(ask)["cards"]] == ["lan-b", None]


def test_the_subnets_of_the_network_that_a_card_comes_to_are_shown(vault, ask, web01):
    put(ask, {"mac": LAN, "network": "lan-b"}, {"mac": DMZ, "network": "dmz-b"})
    assert [card["subnets"] for card in ask("GET", WHERE)["cards"]] == [[], []]
    lan = NetworkInfo(name="lan-b", kind="bridge", subnets=("10.1.0.0/24", "10.4.0.0/24"))
    seen = Inventory(machines=(), networks=(lan, NetworkInfo(name="dmz-b", kind="bridge")))
    with vault.store.transaction() as tx:
        tx.inventories.put(InventoryRecord("b", datetime.now(UTC), seen))
    ask("POST", "/pools", 201, json=POOL)
    assert [card["subnets"] for card in ask("GET", WHERE)["cards"]] == [
        ["10.1.0.0/24", "10.4.0.0/24"],
        [POOL["subnet"]],
    ]


def test_a_mapping_that_changes_is_no_change_of_the_settings(vault, ask, web01):
    seen = vault.rest.get(f"/api{WHERE}").headers["etag"]
    mapping = {"source_site": "a", "source_network": "lan", "target_site": "b", "target_network": "lan-b"}
    ask("PUT", "/networks/mappings", json=mapping)
    put(ask, {"mac": LAN, "connected": False}, headers={"If-Match": seen})


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ([{"mac": "52:54:00:00:00:99"}], "has no network card 52:54:00:00:00:99"),
        ([{"mac": DMZ}, {"mac": DMZ.lower()}], "more than once"),
        ([{"mac": LAN, "network": "lan-b", "connected": False}], "network 'lan-b', but is set not to be"),
        (
            [{"mac": LAN, "test_network": "lab", "test_connected": False}],
            "network 'lab', but is set not to be",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(ask, web01, cards, said):
    before = ask("GET", WHERE)
    error = put(ask, *cards, wanted=422)["error"]
    assert (error["code"], said in error["message"]) == ("invalid-argument", True), error
    assert ask("GET", WHERE) == before


def test_a_machine_that_is_not_there_has_no_settings(ask):
    assert ask("GET", "/machines/nosuch/settings", 404)["error"]["code"] == "not-found"
    assert ask("PUT", "/machines/nosuch/settings", 404, json={})["error"]["code"] == "not-found"


def test_what_is_set_reads_the_same_after_a_restart_on_both_databases(tmp_path, database_url):
    vault = VaultInProcess(tmp_path / "vault", database_url)
    add_web01(vault, vault.enroll("a"), vault.enroll("b"))
    made = vault.rest.put(f"/api{WHERE}", json={"cards": [{"mac": LAN, "test_network": "lab"}]})
    vault.close()
    running = RunningVault(vault.home, settings.read(vault.home))
    with TestClient(running.start(), headers={"Authorization": f"Bearer {vault.made.token}"}) as rest:
        found = rest.get(f"/api{WHERE}")
    running.stop()
    assert (found.json(), found.headers["etag"]) == (made.json(), made.headers["etag"])
    assert found.json()["cards"][0]["test_network"] == "lab"


def add_db01(vault, web01_id="id-web01"):
    with vault.store.transaction() as tx:
        first = tx.machines.get(web01_id)
        nics = (NicDefinition(key="net0", mac="52:54:00:00:00:0B", network="lan"),)
        definition = first.definition.model_copy(update={"nics": nics, "name": "db01"})
        tx.machines.add(
            dataclasses.replace(
                first,
                id="id-db01",
                name="db01",
                definition=definition,
                source_fabric_id="f2",
                target_fabric_id="f2",
            )
        )


def test_an_address_is_set_and_shown_with_what_goes_with_it(ask, web01):
    wanted = {
        "address": "10.2.0.5/24",
        "gateway": "10.2.0.1",
        "dns_servers": ["10.2.0.2"],
        "test_address": "10.9.0.5/24",
    }
    shown = put(ask, {"mac": LAN, **wanted})["cards"][0]
    assert wanted.items() <= shown.items()


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"address": "10.2.0.5"}, "has no prefix"),
        ({"address": "10.2.0.5/24", "gateway": "10.3.0.1"}, "not in its subnet"),
        ({"gateway": "10.2.0.1"}, "but no address"),
        ({"address": "10.2.0.5/24", "connected": False}, "not to be connected"),
    ],
)
def test_an_address_that_cannot_be_is_refused(ask, web01, card, said):
    assert said in str(put(ask, {"mac": LAN, **card}, wanted=422)["error"])


def test_an_address_that_another_machine_s_card_is_to_have_in_the_same_network_is_refused(vault, ask, web01):
    add_db01(vault)
    put(ask, {"mac": LAN, "network": "lan-b", "address": "10.2.0.5/24"})
    same = {"mac": "52:54:00:00:00:0b", "address": "10.2.0.5/16"}
    for network in ("lan-b", None):
        refused = ask("PUT", "/machines/db01/settings", 422, json={"cards": [{**same, "network": network}]})
        assert "is the address of web01's card" in refused["error"]["message"]
    ask("PUT", "/machines/db01/settings", json={"cards": [{**same, "network": "dmz-b"}]})
    own = [{"mac": mac, "network": "lan-b", "address": "10.2.0.9/24"} for mac in (LAN, DMZ)]
    assert "web01's card" in put(ask, *own, wanted=422)["error"]["message"]


POOL = {"name": "dmz", "site": "b", "network": "dmz-b", "subnet": "10.2.0.0/24", "ranges": ["10.2.0.100"]}


def test_a_card_that_is_to_have_an_address_of_a_pool_names_the_pool_and_what_it_has(vault, ask, web01):
    card = {"mac": DMZ, "network": "dmz-b", "from_pool": True}
    assert put(ask, card)["cards"][1]["pool"] is None
    ask("POST", "/pools", 201, json=POOL)
    with vault.store.transaction() as tx:
        now = tx.machines.find("web01").created_at
        tx.pools.take(PoolAddressRecord("dmz", "10.2.0.100", "id-web01", "web01", DMZ.lower(), now))
    shown = ask("GET", WHERE)["cards"][1]
    assert (shown["from_pool"], shown["pool"], shown["pool_address"]) == (True, "dmz", "10.2.0.100")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"address": "10.2.0.9/24"}, "the address 10.2.0.9, and one out of a pool"),
        ({"gateway": "10.2.0.1"}, "a gateway of its own"),
        ({"dns_servers": ["10.2.0.1"]}, "DNS servers of its own"),
        ({"connected": False}, "out of a pool, but is set not to be connected"),
    ],
)
def test_what_does_not_go_with_a_pool_is_refused(ask, web01, more, said):
    refused = put(ask, {"mac": DMZ, "from_pool": True, **more}, wanted=422)
    assert said in refused["error"]["message"]


def test_an_address_that_a_machine_has_out_of_a_pool_is_not_set_for_another(vault, ask, web01):
    ask("POST", "/pools", 201, json=POOL)
    with vault.store.transaction() as tx:
        now = tx.machines.find("web01").created_at
        tx.pools.take(PoolAddressRecord("dmz", "10.2.0.100", "id-db01", "db01", DMZ.lower(), now))
    refused = put(ask, {"mac": DMZ, "network": "dmz-b", "address": "10.2.0.100/24"}, wanted=422)
    assert "db01's now, out of pool 'dmz'" in refused["error"]["message"]
    put(ask, {"mac": DMZ, "network": "dmz-b", "address": "10.2.0.101/24"})
