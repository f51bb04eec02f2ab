"""What may be chosen to start from now, of a machine and of a plan: no more, and no less."""

import dataclasses
from datetime import UTC, datetime

import pytest

from secondsite.domain.groups import ReplicationGroup
from secondsite.domain.points import Consistency
from secondsite.vault.store import GroupRecord
from tests.support.vault import NOW, machine, point, replica_status

pytestmark = pytest.mark.slow
NAMES = ("db01", "web01")
SHOP = {"name": "shop", "groups": [{"machines": ["db01"]}, {"machines": ["web01"]}]}
COMMON = "pair-20261120T120000.000000Z"


@pytest.fixture
def shop(vault, two_sites, ask):
    source, target = two_sites
    with vault.store.transaction() as tx:
        for name in NAMES:
            tx.machines.add(
                machine(f"id-{name}", name, source_appliance_id=source.id, target_appliance_id=target.id)
            )
    has(vault, "db01", point(1))
    has(vault, "web01", point(1))
    return ask("POST", "/plans", 201, json=SHOP)


def has(vault, name, *points):
    """A report is newer than what was known, and is read then."""
    with vault.store.transaction() as tx:
        tx.statuses.put_replica(
            replica_status(f"id-{name}", points=points), datetime.now(UTC)
        )  # a report is newer


def change(vault, **changes):
    with vault.store.transaction() as tx:
        for name in NAMES:
            tx.machines.put(dataclasses.replace(tx.machines.get(f"id-{name}"), **changes))


def grouped(vault):
    with vault.store.transaction() as tx:
        tx.groups.add(GroupRecord("pair", ReplicationGroup("pair", "a", "b"), NOW))
    change(vault, group="pair")


def of_machine(ask, name="db01", **query):
    return {each["choice"]: each for each in ask("GET", f"/machines/{name}/choices", params=query)["choices"]}


def of_plan(ask, **query):
    return {each["choice"]: each for each in ask("GET", "/plans/shop/choices", params=query)["choices"]}


def test_only_what_exists_is_offered_with_its_instant_and_its_loss(vault, ask, shop):
    assert list(of_machine(ask)) == ["latest", "latest_processed", "custom"]
    has(vault, "db01", point(1, 60, consistency=Consistency.APP), point(2))
    found = of_machine(ask)
    assert list(found) == ["latest", "latest_processed", "latest_app_consistent", "custom"]
    app, newest = found["latest_app_consistent"], found["latest_processed"]
    assert (app["point"]["seq"], newest["point"]["seq"]) == (1, 2)
    assert app["taken_at"] == app["point"]["taken_at"]
    assert app["loses_seconds"] - newest["loses_seconds"] == pytest.approx(60, abs=5)
    has(vault, "db01")
    assert of_machine(ask) == {}


def test_a_verified_point_and_those_of_its_group_are_offered_once_there_are_some(vault, ask, shop):
    has(vault, "db01", point(1, proof="booted"))
    assert "latest_verified" in of_machine(ask)
    has(vault, "db01", point(1, set_id=COMMON, consistency=Consistency.APP))
    assert not any("multi_vm" in each for each in of_machine(ask))
    grouped(vault)
    assert not any("multi_vm" in each for each in of_machine(ask))  # web01 has no such point
    has(vault, "web01", point(1, set_id=COMMON))
    assert [each for each in of_machine(ask) if "multi_vm" in each] == ["latest_multi_vm_processed"]
    has(vault, "web01", point(1, set_id=COMMON, consistency=Consistency.APP))
    assert [each for each in of_plan(ask) if "multi_vm" in each] == [
        "latest_multi_vm_processed",
        "latest_multi_vm_app_consistent",
    ]


def test_a_plan_is_offered_what_all_its_machines_have_and_no_named_point(vault, ask, shop):
    has(vault, "db01", point(1, 60, consistency=Consistency.APP))
    assert list(of_plan(ask)) == ["latest", "latest_processed"]
    has(vault, "web01", point(1, 600, consistency=Consistency.APP), point(2))
    found = of_plan(ask)
    assert list(found) == ["latest", "latest_processed", "latest_app_consistent"]
    losses = {each["name"]: each["loses_seconds"] for each in found["latest_app_consistent"]["machines"]}
    assert list(losses) == ["db01", "web01"]
    assert found["latest_app_consistent"]["loses_seconds"] == max(losses.values()) == losses["web01"]
    assert [each["name"] for each in of_plan(ask, groups=[2])["latest"]["machines"]] == ["web01"]


def test_a_planned_failover_has_a_choice_only_on_its_way_home(vault, ask, shop):
    query = {"verb": "planned_failover"}
    for name in NAMES:
        has(vault, name, point(1, 60, consistency=Consistency.APP), point(2))
    away = of_machine(ask, **query)
    assert (list(away), away["latest"]["loses_seconds"]) == (["latest"], 0)
    assert list(of_plan(ask, **query)) == ["latest"]
    change(vault, source_site="b", target_site="a", home_site="a")
    home = of_machine(ask, **query)
    assert list(home) == ["latest", "latest_app_consistent"]
    assert (home["latest"]["point"], home["latest_app_consistent"]["point"]["seq"]) == (None, 1)
    assert list(of_plan(ask, **query)) == ["latest", "latest_app_consistent"]
    seen = ask("GET", "/plans/shop/preview", params={**query, "choice": "latest_app_consistent"})
    assert [each["machines"][0]["point"]["seq"] for each in seen["groups"]] == [1, 1]
    assert ask("GET", "/plans/shop/preview", params=query)["groups"][0]["machines"][0]["point"] is None
    ask("POST", "/machines/db01/planned-failover", 422, json={"choice": "custom"})
    grouped(vault)
    assert list(of_plan(ask, **query)) == ["latest"]  # the group has no common one
    refused = ask("GET", "/plans/shop/preview", params={**query, "choice": "latest_app_consistent"})
    assert "latest_multi_vm_app_consistent" in refused["problem"]["do"]


def test_what_starts_from_no_point_has_no_choices(ask, shop):
    for path in ("/machines/db01/choices", "/plans/shop/choices"):
        refused = ask("GET", path, 422, params={"verb": "commit"})
        assert "No recovery point is chosen for commit" in refused["error"]["message"]
    ask("GET", "/machines/nobody/choices", 404)
