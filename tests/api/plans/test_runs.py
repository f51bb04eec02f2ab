"""Runs of recovery plans, through their face."""

import dataclasses

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans import run_selection
from secondsite.ground.units import GiB
from secondsite.wire.common.hosts import HostCapacity
from tests.support.vault import NOW, machine, point, replica_status

pytestmark = pytest.mark.slow
NAMES = ("db01", "web01", "web02")
TRAFFIC = {"name": "Traffic", "instruction": "Move the traffic"}
SHOP = {
    "name": "shop",
    "groups": [{"machines": ["db01"], "after": [TRAFFIC]}, {"machines": ["web01", "web02"]}],
}


@pytest.fixture
def shop(vault, two_sites, ask):
    source, target = two_sites
    with vault.store.transaction() as tx:
        for name in NAMES:
            tx.machines.add(
                machine(f"id-{name}", name, source_appliance_id=source.id, target_appliance_id=target.id)
            )
            tx.statuses.put_replica(replica_status(f"id-{name}", points=[point(1)]), NOW)
    return ask("POST", "/plans", 201, json=SHOP)


def has(vault, appliance, memory_bytes, free_bytes):
    with vault.store.transaction() as tx:
        capacity = HostCapacity(vcpus=2, memory_bytes=memory_bytes, free_bytes=free_bytes)
        tx.appliances.put(dataclasses.replace(tx.appliances.find(appliance), capacity=capacity))


@pytest.mark.parametrize("verb", ["test_failover", "failover", "planned_failover"])
def test_a_preview_tells_of_a_host_that_has_too_little_memory_for_all_of_them(
    vault, two_sites, ask, shop, verb
):
    def told(**part):
        return ask("GET", "/plans/shop/preview", params={"verb": verb, **part})["warnings"]

    target = two_sites[1].id
    for name in NAMES:
        ask("PUT", f"/machines/{name}/properties", json={"memory_bytes": GiB})
    assert told() == []
    has(vault, target, 4 * GiB, 3 * GiB)
    assert told() == []
    has(vault, target, 4 * GiB, 2 * GiB)
    [said] = told()
    assert said.startswith("the 3 machines of groups 1, 2 at host ")
    assert said.endswith("need 3.2 GB of memory together, which has 2.1 GB of 4.3 GB free now")
    has(vault, target, GiB, GiB)
    [said] = told(groups=[2])
    assert said.startswith("the 2 machines of group 2 at host ")
    assert said.endswith("need 2.1 GB of memory together, which has 1.1 GB")
    assert told(groups=[1]) == []


def tag(vault):
    return vault.rest.get("/api/plans/shop").headers["etag"]


def change(vault, name, **changes):
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get(f"id-{name}"), **changes))


def test_a_preview_says_what_would_be_taken_from_which_points_and_what_is_left_out(vault, ask, shop):
    change(vault, "web02", state=State.COMMITTED)
    seen = ask("GET", "/plans/shop/preview", params={"verb": "failover", "choice": "latest_processed"})
    assert (seen["direction"], seen["problem"]) == ("away", None)
    first, second = seen["groups"]
    assert (first["after"], [each["name"] for each in second["machines"]]) == (["Traffic"], ["web01"])
    (db01,) = first["machines"]
    assert (db01["from_site"], db01["to_site"], db01["point"]["id"]) == ("a", "b", point(1).id)
    assert db01["loses_seconds"] > 0
    assert seen["left_out"] == ["web02: it is committed"]


@pytest.mark.parametrize("verb", run_selection.VERBS)
def test_a_preview_is_given_for_every_verb_without_a_choice(ask, shop, verb):
    seen = ask("GET", "/plans/shop/preview", params={"verb": verb.value})
    starts = verb in (Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER)
    assert (seen["problem"] is None) is starts
    assert seen["shut_down"] == ([2, 1] if verb is Verb.PLANNED_FAILOVER else [])


def test_a_preview_of_what_cannot_be_run_says_why_and_of_whom(vault, ask, shop):
    change(vault, "web01", state=State.FAILING_OVER)
    seen = ask("GET", "/plans/shop/preview", params={"verb": "planned_failover"})
    assert seen["problem"]["code"] == "not-possible-now"
    assert "web01 is failing_over" in seen["problem"]["message"]
    assert seen["groups"] == []
    refused = ask("GET", "/plans/shop/preview", 422, params={"verb": "enable_protection"})
    assert "planned_failover" in refused["error"]["do"]


def test_a_run_is_one_job_of_its_verb_that_jobs_of_machines_lie_below(ask, shop):
    job = ask("POST", "/plans/shop/failover", 202, json={"choice": "latest_processed"})["job_id"]
    shown = ask("GET", f"/jobs/{job}")
    assert (shown["verb"], shown["subject_name"]) == ("failover", "plan shop")
    assert ask("GET", "/jobs", params={"verb": "failover"})["items"][-1]["id"] == job


def test_a_run_of_a_plan_that_changed_since_it_was_seen_is_refused(vault, ask, shop):
    seen = tag(vault)
    ask("PUT", "/plans/shop", json={"groups": [{"machines": ["web01"]}]})
    ask("POST", "/plans/shop/commit", 412, headers={"If-Match": seen})
    assert ask("GET", "/jobs")["items"] == []


def test_what_is_refused_starts_nothing(vault, ask, shop):
    change(vault, "web01", state=State.FAILING_OVER)
    refused = ask("POST", "/plans/shop/failover", 409)
    assert "web01 is failing_over" in refused["error"]["message"]
    change(vault, "web01", state=State.PROTECTED)
    ask("POST", "/plans/nosuch/failover", 404)
    ask("POST", "/plans/shop/failover", 422, json={"groups": [9]})
    ask("POST", "/plans/shop/failover", 422, json={"choice": "custom"})
    ask("POST", "/plans/shop/failover", 422, json={"leave_out": ["nosuch"]})
    assert ask("GET", "/jobs")["items"] == []


def test_a_repeat_with_the_same_key_starts_nothing_and_gets_the_same_job(ask, shop):
    once = {"Idempotency-Key": "one"}
    first = ask("POST", "/plans/shop/failover", 202, headers=once)
    assert ask("POST", "/plans/shop/failover", 202, headers=once) == first
    second = ask("POST", "/plans/shop/failover", 409)
    assert first["job_id"][:10] in second["error"]["message"]


def test_a_preview_tells_what_a_run_would_be_refused_for(ask, shop):
    for asked, told in (
        ({"verb": "failover", "choice": "custom"}, "one machine only"),
        ({"verb": "failover", "choice": "latest_multi_vm_processed"}, "no machine in a replication group"),
    ):
        seen = ask("GET", "/plans/shop/preview", params=asked)
        assert told in seen["problem"]["message"]
        assert [len(each["machines"]) for each in seen["groups"]] == [1, 2]
    job = ask("POST", "/plans/shop/failover", 202)["job_id"]
    assert job[:10] in ask("GET", "/plans/shop/preview")["problem"]["message"]


def test_a_run_is_seen_by_who_sees_all_machines_of_its_plan(vault, ask, shop):
    for site in ("c", "d"):
        vault.enroll(site)
    with vault.store.transaction() as tx:
        away = machine("id-far", "far", source_site="c", target_site="d", home_site="c")
        tx.machines.add(dataclasses.replace(away, state=State.COMMITTED))
    ask("PUT", "/plans/shop", json={"groups": [{"machines": [*NAMES, "far"]}]})
    job = ask("POST", "/plans/shop/failover", 202)["job_id"]
    token = ask("POST", "/tokens", 201, json={"name": "of-a", "roles": ["reader"], "site": "a"})["token"]
    mine = {"Authorization": f"Bearer {token}"}
    ask("GET", f"/jobs/{job}", 404, headers=mine)
    assert job not in [each["id"] for each in ask("GET", "/jobs", headers=mine)["items"]]


def test_a_plan_with_a_machine_in_a_group_is_previewed_with_each_other_machine_s_own_point(vault, ask, shop):
    with vault.store.transaction() as tx:
        tx.statuses.put_replica(replica_status("id-db01", points=[point(1, set_id="s1"), point(2)]), NOW)
    ask(
        "POST",
        "/groups",
        201,
        json={"name": "common", "source_site": "a", "target_site": "b", "machines": ["db01"]},
    )
    asked = {"verb": "failover", "choice": "latest_multi_vm_processed"}
    seen = ask("GET", "/plans/shop/preview", params=asked)
    assert seen["problem"] is None
    taken = [(each["name"], each["point"]["seq"]) for group in seen["groups"] for each in group["machines"]]
    assert taken == [("db01", 1), ("web01", 1), ("web02", 1)]
