"""Pools of addresses over REST: made, changed and deleted, and never from under a machine."""

import pytest

from secondsite.vault.store import PoolAddressRecord
from tests.support.vault import NOW

pytestmark = pytest.mark.slow
DMZ = {
    "site": "b",
    "network": "br1",
    "subnet": "10.2.0.0/24",
    "ranges": ["10.2.0.100-10.2.0.149"],
    "gateway": "10.2.0.1",
    "dns_servers": ["10.2.0.2"],
}


@pytest.fixture
def dmz(ask, two_sites):
    return ask("POST", "/pools", 201, json={"name": "dmz", **DMZ})


def take(vault, machine_id, address="10.2.0.107", name="web01"):
    with vault.store.transaction() as tx:
        tx.pools.take(PoolAddressRecord("dmz", address, machine_id, name, "52:54:00:00:00:01", NOW))


def test_a_pool_is_made_shown_changed_and_deleted(ask, dmz):
    assert dmz == {**DMZ, "vlan": None, "name": "dmz", "size": 50, "taken": []}
    assert ask("GET", "/pools")["items"] == [dmz]
    more = {**DMZ, "ranges": ["10.2.0.100-10.2.0.149", "10.2.0.200"]}
    changed = ask("PUT", "/pools/dmz", json=more)
    assert (changed["size"], changed["ranges"][1]) == (51, "10.2.0.200-10.2.0.200")
    ask("DELETE", "/pools/dmz", 204)
    ask("GET", "/pools/dmz", 404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ranges": ["10.3.0.1"]},
        {"ranges": []},
        {"subnet": "10.2.0.0"},
        {"gateway": "10.2.0.100"},
        {"vlan": 4095},
        {"network": ""},
    ],
)
def test_what_cannot_be_a_pool_is_refused(ask, two_sites, wrong):
    ask("POST", "/pools", 422, json={"name": "dmz", **DMZ, **wrong})


def test_a_network_has_one_pool_and_one_for_each_tag(ask, dmz):
    refused = ask("POST", "/pools", 422, json={"name": "other", **DMZ})
    assert "has the pool 'dmz' already" in refused["error"]["message"]
    ask("POST", "/pools", 201, json={"name": "tagged", **DMZ, "vlan": 20})
    ask("PUT", "/pools/tagged", 422, json=DMZ)
    ask("POST", "/pools", 409, json={"name": "dmz", **DMZ, "vlan": 30})
    ask("POST", "/pools", 404, json={"name": "third", **DMZ, "site": "nowhere"})


def test_what_a_machine_has_stays_in_its_pool(ask, vault, dmz, protected):
    machine = ask("GET", "/machines/web01")["id"]
    take(vault, machine)
    (taken,) = ask("GET", "/pools/dmz")["taken"]
    assert (taken["address"], taken["machine_name"], taken["protected"]) == ("10.2.0.107", "web01", True)
    refused = ask("DELETE", "/pools/dmz", 409)
    assert "10.2.0.107 web01" in refused["error"]["message"]
    for wrong in ({"ranges": ["10.2.0.108-10.2.0.149"]}, {"network": "br2"}, {"subnet": "10.2.0.0/23"}):
        ask("PUT", "/pools/dmz", 422, json={**DMZ, **wrong})
    ask("PUT", "/pools/dmz", json={**DMZ, "ranges": ["10.2.0.107"], "gateway": None})
    ask("DELETE", "/pools/dmz/addresses/10.2.0.107", 409)
    ask("DELETE", "/pools/dmz/addresses/10.2.0.108", 404)


def test_what_nobody_has_any_more_is_released_by_a_person(ask, vault, dmz):
    take(vault, "gone")
    (taken,) = ask("GET", "/pools/dmz")["taken"]
    assert (taken["machine_name"], taken["protected"]) == ("web01", False)
    assert ask("DELETE", "/pools/dmz/addresses/10.2.0.107")["taken"] == []
    entry = ask("GET", "/audit")["items"][0]
    assert entry["verb"] == "DELETE /pools/{pool}/addresses/{address}"
    assert "10.2.0.107" in str(entry)
    ask("DELETE", "/pools/dmz", 204)


def test_a_site_with_a_pool_stays(ask, dmz):
    assert "1 pool" in ask("DELETE", "/sites/b", 409)["error"]["message"]
