"""Recovery plans, through their face."""

import dataclasses

import pytest
from starlette.testclient import TestClient

from secondsite.domain.lifecycle import State
from secondsite.entry import settings
from secondsite.entry.vault_wiring import RunningVault
from tests.support.postgres import database_url
from tests.support.vault import VaultInProcess, machine

__all__ = ["database_url"]
pytestmark = pytest.mark.slow
TRAFFIC = {"name": "Traffic", "instruction": "Move the traffic"}
SHOP = {
    "name": "shop",
    "groups": [{"machines": ["db01"], "after": [TRAFFIC]}, {"machines": ["web01", "web02"]}],
}
NAMES = ("db01", "web01", "web02")


def add(vault, source, target, *names, **changes):
    with vault.store.transaction() as tx:
        for name in names:
            values = {"source_appliance_id": source.id, "target_appliance_id": target.id, **changes}
            tx.machines.add(machine(f"id-{name}", name, **values))


@pytest.fixture
def machines(vault, two_sites):
    add(vault, *two_sites, *NAMES)


def names(plan):
    return [[each["name"] for each in group["machines"]] for group in plan["groups"]]


def groups(*each):
    return {"groups": [{"machines": list(machines)} for machines in each]}


def tag(vault, name="shop"):
    return vault.rest.get(f"/api/plans/{name}").headers["etag"]


def test_a_plan_is_made_changed_under_its_edition_and_deleted_and_its_machines_stay_as_they_are(
    vault, ask, machines
):
    before = ask("GET", "/machines")["items"]
    made = ask("POST", "/plans", 201, json=SHOP)
    assert names(made) == [["db01"], ["web01", "web02"]]
    assert made["groups"][0]["after"][0]["kinds"] == ["test", "planned", "unplanned"]
    assert made["groups"][1]["machines"][0] == {
        "id": "id-web01", "name": "web01", "source_site": "a", "target_site": "b", "state": "protected",
        "generation": 0, "drill_generation": 0,
    }  # fmt: skip
    seen = tag(vault)
    changed = ask("PUT", "/plans/shop", json=groups(["web02"], ["db01"]), headers={"If-Match": seen})
    assert names(changed) == [["web02"], ["db01"]]
    assert changed["created_at"] == made["created_at"] < changed["changed_at"]
    ask("PUT", "/plans/shop", 412, json=groups(["db01"]), headers={"If-Match": seen})
    ask("DELETE", "/plans/shop", 412, headers={"If-Match": seen})
    assert names(ask("GET", "/plans/shop")) == [["web02"], ["db01"]]
    ask("DELETE", "/plans/shop", 204, headers={"If-Match": tag(vault)})
    ask("GET", "/plans/shop", 404)
    assert ask("GET", "/machines")["items"] == before


def test_what_machines_do_is_no_other_edition_of_their_plan(vault, ask, machines):
    ask("POST", "/plans", 201, json=SHOP)
    seen = tag(vault)
    with vault.store.transaction() as tx:
        record = tx.machines.get("id-db01")
        tx.machines.put(dataclasses.replace(record, state=State.FAILED_OVER))
    assert ask("GET", "/plans/shop")["groups"][0]["machines"][0]["state"] == "failed_over"
    assert tag(vault) == seen


def test_a_plan_may_name_machines_by_their_ids_and_is_found_in_the_list(ask, machines):
    ask("POST", "/plans", 201, json={"name": "two", **groups(["id-db01"])})
    ask("POST", "/plans", 201, json=SHOP)
    assert [each["name"] for each in ask("GET", "/plans")["items"]] == ["shop", "two"]
    page = ask("GET", "/plans", params={"limit": 1})
    assert [each["name"] for each in ask("GET", "/plans", params={"cursor": page["next"]})["items"]] == [
        "two"
    ]


def test_what_cannot_be_a_plan_is_refused_before_anything_is_kept(ask, machines):
    ask("POST", "/plans", 201, json=SHOP)
    ask("POST", "/plans", 409, json=SHOP)
    for body, status in (
        (groups(["db01"], ["web01", "db01"]), 422),
        (groups(["db01"], ["id-db01"]), 422),
        (groups(["nosuch"]), 404),
        (groups(["db01"], []), 422),
        ({"groups": []}, 422),
        ({"groups": [{"machines": ["db01"], "before": [{"name": "x", "instruction": ""}]}]}, 422),
        ({"groups": [{"machines": ["db01"], "before": [{**TRAFFIC, "kinds": ["never"]}]}]}, 422),
    ):
        ask("POST", "/plans", status, json={"name": "other", **body})
        ask("PUT", "/plans/shop", status, json=body)
    ask("PUT", "/plans/nosuch", 404, json=groups(["db01"]))
    assert [names(each) for each in ask("GET", "/plans")["items"]] == [[["db01"], ["web01", "web02"]]]


@pytest.mark.parametrize("steering", ["\x1b[2J", "\n", "\u202e", "\x9b"])
def test_an_actions_name_has_no_character_that_steers_a_terminal(ask, machines, steering):
    ask("POST", "/plans", 201, json=SHOP)
    for when in ("before", "after"):
        odd = {"groups": [{"machines": ["db01"], when: [{**TRAFFIC, "name": f"Evil{steering}"}]}]}
        refused = ask("POST", "/plans", 422, json={"name": "other", **odd})["error"]
        assert "steer a terminal" in refused["message"]
        assert steering not in refused["message"]
        ask("PUT", "/plans/shop", 422, json=odd)
    assert [each["name"] for each in ask("GET", "/plans")["items"]] == ["shop"]


def test_an_eighth_group_and_a_101st_machine_are_refused_unless_the_setting_says_more(tmp_path):
    for groups_, machines_, status in ((7, 100, 422), (8, 101, 201)):
        vault = VaultInProcess(tmp_path / str(groups_), plan_groups=groups_, plan_machines=machines_)
        source, target = vault.enroll("a"), vault.enroll("b")
        all_names = [f"m{number:03}" for number in range(101)]
        add(vault, source, target, *all_names)
        many = {"name": "many", **groups(all_names)}
        eight = {"name": "eight", **groups(*([name] for name in all_names[:8]))}
        for body in (many, eight):
            answer = vault.rest.post("/api/plans", json=body)
            assert answer.status_code == status, answer.text
        vault.close()


def test_a_plan_of_which_a_machine_lost_its_protection_says_which_and_keeps_it_until_it_is_taken_out(
    vault, ask, machines
):
    ask("POST", "/plans", 201, json=SHOP)
    with vault.store.transaction() as tx:
        tx.machines.remove("id-web01")
    plan = ask("GET", "/plans/shop")
    assert plan["groups"][1]["machines"][0] == {
        "id": "id-web01", "name": "web01", "source_site": "a", "target_site": "b", "state": None,
        "generation": 0, "drill_generation": 0,
    }  # fmt: skip
    (obstacle,) = plan["obstacles"]
    assert obstacle.startswith("web01 is not protected any more")
    for kept in ("web01", "id-web01"):
        assert names(ask("PUT", "/plans/shop", json=groups(["db01"], [kept]))) == [["db01"], ["web01"]]
    assert ask("PUT", "/plans/shop", json=groups(["db01"]))["obstacles"] == []
    ask("PUT", "/plans/shop", 404, json=groups(["db01"], ["web01"]))


def test_a_token_of_one_site_sees_no_plan_that_reaches_beyond_it(vault, ask, two_sites):
    add(vault, *two_sites, "db01", "web01")
    vault.enroll("c")
    add(vault, *two_sites, "far01", home_site="c", source_site="c", target_site="b")
    ask("POST", "/plans", 201, json={"name": "near", **groups(["db01"], ["web01"])})
    ask("POST", "/plans", 201, json={"name": "beyond", **groups(["db01"], ["far01"])})
    token = ask("POST", "/tokens", 201, json={"name": "a-only", "roles": ["contributor"], "site": "a"})[
        "token"
    ]
    mine = {"headers": {"Authorization": f"Bearer {token}"}}
    assert [each["name"] for each in ask("GET", "/plans", **mine)["items"]] == ["near"]
    ask("GET", "/plans/beyond", 404, **mine)
    ask("PUT", "/plans/beyond", 404, json=groups(["db01"]), **mine)
    ask("DELETE", "/plans/beyond", 404, **mine)
    ask("PUT", "/plans/near", 404, json=groups(["far01"]), **mine)
    ask("PUT", "/plans/near", json=groups(["web01"]), **mine)
    with vault.store.transaction() as tx:  # their sites count by what the plan was told
        tx.machines.remove("id-far01")
        tx.machines.remove("id-web01")
    assert [each["name"] for each in ask("GET", "/plans", **mine)["items"]] == ["near"]
    assert len(ask("GET", "/plans")["items"]) == 2


def test_the_same_plan_under_one_key_is_made_once(ask, machines):
    once = {"json": SHOP, "headers": {"Idempotency-Key": "k"}}
    assert ask("POST", "/plans", 201, **once) == ask("POST", "/plans", 201, **once)


def test_what_was_changed_is_on_record(ask, machines):
    ask("POST", "/plans", 201, json=SHOP)
    ask("PUT", "/plans/shop", json=groups(["db01"]))
    entry = next(each for each in ask("GET", "/audit")["items"] if each["verb"] == "PUT /plans/{plan}")
    assert '"before":' in entry["details"]
    assert '"after":' in entry["details"]


def test_a_plan_reads_the_same_after_a_restart_on_both_databases(tmp_path, database_url):
    vault = VaultInProcess(tmp_path / "vault", database_url)
    add(vault, vault.enroll("a"), vault.enroll("b"), *NAMES)
    made = vault.rest.post("/api/plans", json=SHOP).json()
    seen = tag(vault)
    vault.close()
    running = RunningVault(vault.home, settings.read(vault.home))
    with TestClient(running.start(), headers={"Authorization": f"Bearer {vault.made.token}"}) as rest:
        found = rest.get("/api/plans/shop")
    running.stop()
    assert (found.json(), found.headers["etag"]) == (made, seen)


def test_a_script_names_the_machine_inside_which_it_runs_and_keeps_it_by_its_id(vault, ask, machines):
    inside = {"name": "Open", "script": "open-shop", "guest": "db01"}
    shop = {"name": "shop", "groups": [{"machines": ["db01"], "after": [inside]}, {"machines": ["web01"]}]}
    made = ask("POST", "/plans", 201, json=shop)
    assert made["groups"][0]["after"][0]["guest"] == "db01"
    again = {
        "groups": [
            {**group, "machines": [each["name"] for each in group["machines"]]} for group in made["groups"]
        ]
    }
    assert ask("PUT", "/plans/shop", json=again)["groups"] == made["groups"]
    with vault.store.reading() as tx:
        assert tx.plans.find("shop").plan.groups[0].after[0].guest == "id-db01"
    early = [{"machines": ["web01"], "after": [inside]}, {"machines": ["db01"]}]
    assert "has not been started" in str(ask("PUT", "/plans/shop", 422, json={"groups": early}))
    stranger = [{"machines": ["db01"], "after": [{**inside, "guest": "web02"}]}]
    assert "has not been started" in str(ask("PUT", "/plans/shop", 422, json={"groups": stranger}))
