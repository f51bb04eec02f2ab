"""Replication groups in the vault: who may join, what appliances are told, which set a verb uses."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from secondsite.jobs.storage import read
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, VaultInProcess, machine, point, replica_status

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path):
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def sites(vault):
    """Three machines, web, app and db, that are protected from a to b."""
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        for number, name in enumerate(("web", "app", "db")):
            ids = {"source_appliance_id": source.id, "target_appliance_id": target.id}
            tx.machines.add(machine(f"m{number}", name, **ids))
    return source, target


def ask(vault, method, path, body=None, expect=None):
    answer = vault.rest.request(method, f"/api{path}", json=body)
    if expect is not None:
        assert answer.status_code == expect, answer.text
    return answer.json() if answer.content else None


def create(vault, *machines, expect=201, **changes):
    body = {"name": "shop", "source_site": "a", "target_site": "b", "machines": machines, **changes}
    return ask(vault, "POST", "/groups", body, expect)


def put_points(vault, **points_of):
    with vault.store.transaction() as tx:
        for name, points in points_of.items():
            found = tx.machines.find(name)
            tx.statuses.put_replica(replica_status(found.id, points), datetime.now(UTC))


def move(vault, name, state):
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.find(name), state=state))


def test_a_group_is_made_changed_and_deleted_and_its_machines_stay_protected(vault, sites):
    assert create(vault, "web", "app")["machines"] == ["app", "web"]
    assert ask(vault, "POST", "/groups/shop/add", {"machines": ["db", "web"]})["machines"] == [
        "app",
        "db",
        "web",
    ]
    assert ask(vault, "POST", "/groups/shop/remove", {"machines": ["app"]})["machines"] == ["db", "web"]
    assert ask(vault, "GET", "/machines/web")["group"] == "shop"
    assert [each["name"] for each in ask(vault, "GET", "/groups")["items"]] == ["shop"]
    ask(vault, "DELETE", "/groups/shop", expect=204)
    assert ask(vault, "GET", "/machines/web")["group"] is None
    ask(vault, "GET", "/groups/shop", expect=404)


def test_a_group_gets_another_interval_and_other_members_at_once(vault, sites):
    create(vault, "web", "app")
    wanted = {"multi_vm_every_seconds": 300, "app_consistent": True, "machines": ["db", "m0"]}
    changed = ask(vault, "PUT", "/groups/shop", wanted, expect=200)
    assert {name: changed[name] for name in wanted} == {**wanted, "machines": ["db", "web"]}
    assert ask(vault, "GET", "/machines/app")["group"] is None
    ask(vault, "PUT", "/groups/shop", {**wanted, "machines": ["db", "nosuch"]}, expect=404)
    ask(vault, "PUT", "/groups/shop", {"machines": ["db"]}, expect=422)
    ask(vault, "PUT", "/groups/shop", {**wanted, "multi_vm_every_seconds": 4}, expect=422)
    ask(vault, "PUT", "/groups/nosuch", wanted, expect=404)
    assert ask(vault, "GET", "/groups/shop") == changed
    assert ask(vault, "PUT", "/groups/shop", {**wanted, "machines": []}, expect=200)["machines"] == []


def test_the_appliance_is_told_the_new_interval_of_a_group(vault, sites):
    source, target = sites
    create(vault, "web", "app")

    def intervals(dialler):
        orders = [order for order in list(dialler.told) if order.kind == Kind.SET_SITE]
        return [[group["multi_vm_every_seconds"] for group in order.payload["groups"]] for order in orders]

    with Dialler(source) as a, Dialler(target):
        eventually(lambda: intervals(a) == [[60]])
        wanted = {"multi_vm_every_seconds": 30, "app_consistent": False, "machines": ["web", "app"]}
        ask(vault, "PUT", "/groups/shop", wanted, expect=200)
        eventually(lambda: intervals(a)[-1] == [30])


def test_the_source_appliance_is_told_its_groups_and_again_when_it_returns(vault, sites):
    source, target = sites

    def told(dialler):
        orders = [order for order in list(dialler.told) if order.kind == Kind.SET_SITE]
        return [[group["name"] for group in order.payload["groups"]] for order in orders]

    with Dialler(source) as a, Dialler(target) as b:
        eventually(lambda: told(a) == [[]] and told(b) == [[]])
        create(vault, "web", "app")
        eventually(lambda: told(a)[-1] == ["shop"])
        members = [o for o in a.told if o.kind == Kind.SET_SITE][-1].payload["groups"][0]["members"]
        assert sorted(members) == ["m0", "m1"]
        assert told(b)[-1] == []
    with Dialler(source) as a:
        eventually(lambda: told(a) == [["shop"]])
        ask(vault, "DELETE", "/groups/shop", expect=204)
        eventually(lambda: told(a)[-1] == [])


def groups_of(dialler):
    """Those that the appliance was told last."""
    told = [order for order in list(dialler.told) if order.kind == Kind.SET_SITE]
    return told[-1].payload["groups"] if told else []


def test_appliances_that_share_a_group_are_told_the_same_parts_of_it_and_where_the_others_are(vault, sites):
    source, target = sites
    second = vault.enroll("a", "a-two")
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.find("db"), source_appliance_id=second.id))

    with Dialler(source) as a, Dialler(second) as c, Dialler(target) as b:
        assert create(vault, "web", "db")["machines"] == ["db", "web"]
        (group,) = eventually(lambda: groups_of(a))
        parts = {part["appliance_id"]: part for part in group["parts"]}
        assert {name: part["members"] for name, part in parts.items()} == {
            source.id: ["m0"],
            second.id: ["m2"],
        }
        assert list(parts) == sorted(parts)
        assert sorted(group["members"]) == ["m0", "m2"]
        with vault.store.reading() as tx:
            for name, part in parts.items():
                appliance = tx.appliances.find(name)
                assert part["name"] == appliance.name
                assert tuple(part["addresses"]) == appliance.hello.data_addresses
        eventually(lambda: groups_of(c) == [group])
        assert groups_of(b) == []
        ask(vault, "POST", "/groups/shop/remove", {"machines": ["db"]}, 200)
        ask(vault, "POST", "/groups/shop/add", {"machines": ["app"]}, 200)
        eventually(lambda: groups_of(a) and groups_of(a)[0]["parts"] == [])
        assert groups_of(c) == []


def test_a_group_of_which_a_member_has_turned_is_told_to_nobody(vault, sites):
    source, target = sites
    create(vault, "web", "app")

    with Dialler(source) as a, Dialler(target) as b:
        eventually(lambda: groups_of(a) != [])
        with vault.store.transaction() as tx:
            found = tx.machines.find("app")
            turned = dataclasses.replace(
                found,
                source_appliance_id=target.id,
                target_appliance_id=source.id,
                source_site="b",
                target_site="a",
            )
            tx.machines.put(turned)
        vault.running.settings_push.wake()
        eventually(lambda: groups_of(a) == [])
        assert groups_of(b) == []


def test_a_machine_of_another_group_direction_or_state_is_refused(vault, sites):
    create(vault, "web")
    assert "belongs to group 'shop'" in create(vault, "web", name="other", expect=409)["error"]["message"]
    ask(vault, "GET", "/groups/other", expect=404)
    assert (
        "same direction"
        in create(vault, "app", name="back", source_site="b", target_site="a", expect=422)["error"]["do"]
    )
    move(vault, "app", State.COMMITTED)
    assert (
        "committed" in ask(vault, "POST", "/groups/shop/add", {"machines": ["app"]}, 409)["error"]["message"]
    )
    create(vault, name="shop", expect=409)


def test_a_group_does_not_change_while_a_member_fails_over(vault, sites):
    create(vault, "web", "app")
    move(vault, "app", State.FAILING_OVER)
    for method, path, body in (
        ("POST", "/groups/shop/add", {"machines": ["db"]}),
        ("POST", "/groups/shop/remove", {"machines": ["web"]}),
        ("DELETE", "/groups/shop", None),
        (
            "PUT",
            "/groups/shop",
            {"multi_vm_every_seconds": 9, "app_consistent": False, "machines": ["app", "web"]},
        ),
    ):
        assert "app (failing_over)" in ask(vault, method, path, body, 409)["error"]["message"]


def test_a_multi_vm_choice_uses_the_newest_set_that_every_member_has(vault, sites):
    create(vault, "web", "app")
    put_points(
        vault,
        web=[point(1, set_id="s1"), point(2, set_id="s2"), point(3, set_id="s3"), point(4)],
        app=[point(5, set_id="s1"), point(6, set_id="s2"), point(7)],
        db=[point(8), point(9)],
    )
    choice = "choice=latest_multi_vm_processed"
    seen = {name: ask(vault, "GET", f"/machines/{name}/preview?{choice}") for name in ("web", "app", "db")}
    assert {name: seen[name]["point"]["id"] for name in ("web", "app")} == {"web": "p2", "app": "p6"}
    assert "latest_processed" in seen["db"]["problem"]["do"]
    assert ask(vault, "GET", "/groups/shop")["newest_set"] == "s2"


def test_all_jobs_of_a_failover_of_a_group_use_one_set(vault, sites):
    create(vault, "web", "app")
    put_points(vault, web=[point(1, set_id="s1")], app=[point(5, set_id="s1")], db=[point(8)])
    body = {"machines": ["web", "app", "db"], "choice": "latest_multi_vm_processed"}
    job = ask(vault, "POST", "/machines/failover", body, 202)
    with vault.store.reading() as tx:
        children: Any = read.tree(tx.session, job["job_id"]).job.arguments["children"]
    assert {child["name"]: child["arguments"]["set_id"] for child in children} == {
        "web": "s1",
        "app": "s1",
        "db": None,
    }


@pytest.mark.slow
def test_a_group_without_a_common_set_is_told_so(vault, sites):
    create(vault, "web", "app")
    put_points(vault, web=[point(1, set_id="s1")], app=[point(5)])
    body = {"machines": ["web"], "choice": "latest_multi_vm_processed"}
    said = ask(vault, "POST", "/machines/failover", body, 404)["error"]
    assert "share no set" in said["message"]
    possible = ask(vault, "GET", "/machines/web/preview?choice=latest_multi_vm_app_consistent")
    assert "share no app-consistent set" in possible["problem"]["message"]
