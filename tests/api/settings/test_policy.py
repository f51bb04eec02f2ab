"""A machine's policy is changed where it is, through the API, on both databases."""

import json
from dataclasses import replace

import pytest

from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.facade.nouns.policies import put_with_twin
from secondsite.vault.fleet import settings_push
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.orders import UpdatePolicy
from tests.support.postgres import database_url
from tests.support.vault import machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
WHERE = "/machines/web01/policy"


@pytest.fixture
def appliances(vault, two_sites):
    source, target = two_sites
    with vault.store.transaction() as tx:
        put_with_twin(tx, ReplicationPolicy("gold", retention_seconds=7200))
        put_with_twin(tx, ReplicationPolicy("sealed", encrypt=True))
        tx.machines.add(
            machine("id-web01", "web01", source_appliance_id=source.id, target_appliance_id=target.id)
        )
    return source, target


def told(vault, appliance):
    """The policy of each machine that its appliance is told."""
    with vault.store.reading() as tx:
        known = settings_push.Policies()
        known.read(tx, tx.appliances.list())
        settings = list(settings_push.settings_of(tx, appliance, "", known))
    return {
        each.machine_id: each.payload.policy.name
        for each in settings
        if isinstance(each.payload, UpdatePolicy)
    }


def test_it_has_the_new_one_and_both_its_appliances_are_told(vault, ask, appliances):
    assert ask("PUT", WHERE, json={"policy": "gold"})["policy"] == "gold"
    assert ask("GET", "/machines/web01")["policy"] == "gold"
    assert [told(vault, each) for each in appliances] == [{"id-web01": "gold"}] * 2
    assert ask("GET", "/policies/default")["used_by"] == 0
    ask("DELETE", "/policies/gold", 409)


def test_on_its_way_back_it_has_the_twin_of_the_new_one(vault, ask, appliances):
    with vault.store.transaction() as tx:
        now = tx.machines.get("id-web01")
        tx.machines.put(replace(now, home_site=now.target_site))
    assert ask("PUT", WHERE, json={"policy": "gold"})["policy"] == "gold-failback"


@pytest.mark.parametrize(
    ("policy", "status", "why"),
    [
        ("nosuch", 404, "nosuch"),
        ("gold-failback", 422, "is for the way back"),
        ("sealed", 409, "encrypts replicas, and that of web01 is not encrypted"),
    ],
)
def test_a_policy_that_it_cannot_have_is_refused_and_it_keeps_its_own(ask, appliances, policy, status, why):
    assert why in ask("PUT", WHERE, status, json={"policy": policy})["error"]["message"]
    assert ask("GET", "/machines/web01")["policy"] == "default"


def test_the_change_is_on_record(ask, appliances):
    ask("PUT", WHERE, json={"policy": "gold"})
    (entry,) = ask("GET", "/audit", params={"limit": 1})["items"]
    details = json.loads(entry["details"])
    assert (details["before"]["policy"], details["after"]["policy"]) == ("default", "gold")


def test_one_who_saw_another_policy_than_it_has_does_not_take_it_from_whoever_gave_it(vault, ask, appliances):
    seen = vault.rest.get("/api" + WHERE).headers["ETag"]
    ask("PUT", WHERE, json={"policy": "gold"})
    refused = ask("PUT", WHERE, 412, json={"policy": "default"}, headers={"If-Match": seen})
    assert refused["error"]["code"] == "changed-meanwhile"
    now = vault.rest.get("/api" + WHERE)
    assert now.json()["policy"] == "gold"
    ask("PUT", WHERE, json={"policy": "default"}, headers={"If-Match": now.headers["ETag"]})


def test_a_policy_that_encrypts_from_now_on_names_the_machines_whose_replicas_stay_plain(
    vault, ask, appliances
):
    source, target = appliances
    with vault.store.transaction() as tx:
        ids = {"source_appliance_id": source.id, "target_appliance_id": target.id}
        tx.machines.add(machine("id-db01", "db01", source_fabric_id="f-9", encrypted=True, **ids))
    values = {**ask("GET", "/policies/default"), "encrypt": True}
    known = {name: values[name] for name in PolicyShape.model_fields}
    assert ask("PUT", "/policies/default", json=known)["not_encrypted"] == ["web01"]
    assert ask("GET", "/policies/default")["not_encrypted"] == ["web01"]
    assert ask("PUT", "/policies/default", json={**known, "encrypt": False})["not_encrypted"] == []
