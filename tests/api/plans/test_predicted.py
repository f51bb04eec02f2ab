"""How long a plan's run and a machine's will take, through their face."""

from dataclasses import replace

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.prediction.timing import Part
from secondsite.vault.store import RunTimeRecord
from tests.support.vault import NOW, machine

pytestmark = pytest.mark.slow
SECONDS = {"db01": 40.0, "web01": 7.0, "web02": None}
TRAFFIC = {"name": "Traffic", "instruction": "Move the traffic"}
SHOP = {
    "name": "shop",
    "groups": [{"machines": ["db01"], "after": [TRAFFIC]}, {"machines": ["web01"]}, {"machines": ["web02"]}],
}


@pytest.fixture
def shop(vault, two_sites, ask):
    source, target = two_sites
    with vault.store.transaction() as tx:
        for name, seconds in SECONDS.items():
            made = machine(f"id-{name}", name, source_appliance_id=source.id, target_appliance_id=target.id)
            tx.machines.add(made)
            if seconds is not None:
                tx.run_times.add([ran(made, seconds)])
    return ask("POST", "/plans", 201, json=SHOP)


def ran(of, seconds):
    return RunTimeRecord(
        job_id=f"job-{of.name}", machine_id=of.id, verb=Verb.PLANNED_FAILOVER, source_site=of.source_site,
        target_site=of.target_site, ended_at=NOW, parts={Part.PREPARE: 100.0, Part.SHUT_DOWN: seconds},
        downtime=seconds, predicted=None,
    )  # fmt: skip


def test_a_plan_takes_the_slowest_of_each_group_and_says_what_is_not_in_it(ask, shop):
    seen = ask("GET", "/plans/shop/preview", params={"verb": "planned_failover"})
    told = {each["name"]: each["predicted_seconds"] for group in seen["groups"] for each in group["machines"]}
    assert told == {"db01": 140, "web01": 107, "web02": 123.5}  # by the two others
    assert seen["groups"][0]["machines"][0]["predicted_downtime_seconds"] == 40
    assert seen["predicted"] == {
        "seconds": 370.5, "most_seconds": 387, "unknown_machines": 0, "people": 1, "scripts": 0,
        "goal_seconds": None,
    }  # fmt: skip
    unknown = ask("GET", "/plans/shop/preview", params={"verb": "failover"})["predicted"]
    assert (unknown["seconds"], unknown["unknown_machines"]) == (None, 3)


def test_a_plan_s_goal_and_the_start_delay_of_a_machine_are_in_it(ask, shop):
    ask("PUT", "/machines/web01/properties", json={"start_delay_seconds": 30})
    groups = SHOP["groups"]
    made = ask("PUT", "/plans/shop", json={"groups": groups, "rto_goal_seconds": 360})
    assert made["rto_goal_seconds"] == ask("GET", "/plans/shop")["rto_goal_seconds"] == 360
    seen = ask("GET", "/plans/shop/preview", params={"verb": "planned_failover"})
    assert (seen["predicted"]["goal_seconds"], seen["predicted"]["seconds"]) == (360, 400.5)
    web01 = seen["groups"][1]["machines"][0]
    assert (web01["predicted_seconds"], web01["predicted_downtime_seconds"]) == (137, 37)
    ask("PUT", "/plans/shop", 422, json={"groups": groups, "rto_goal_seconds": -1})


def test_what_a_reprotect_will_send_is_asked_where_the_machine_runs_and_only_when_it_could_begin(
    vault, ask, shop
):
    assert "not possible" in ask("GET", "/machines/db01/reprotect-preview", 409)["error"]["message"]
    with vault.store.transaction() as tx:
        tx.machines.put(replace(tx.machines.find("db01"), state=State.COMMITTED))
    seen = ask("GET", "/machines/db01/reprotect-preview")
    assert (seen["disk_bytes"], seen["send_bytes"], seen["seconds"]) == (1 << 30, None, None)
    assert seen["problem"]["code"] == "appliance-unreachable"
    ask("GET", "/machines/db01/reprotect-preview", 422, params={"location": "elsewhere"})


def test_a_machine_s_prediction_says_what_it_stands_on(ask, shop):
    moved = {"verb": "planned_failover"}
    own = ask("GET", "/machines/db01/prediction", params=moved)
    assert (own["basis"], own["runs"], own["seconds"], own["downtime_seconds"]) == ("own", 1, 140, 40)
    assert own["parts"] == [{"part": "prepare", "seconds": 100}, {"part": "shut_down", "seconds": 40}]
    assert own["advice"] is None
    others = ask("GET", "/machines/web02/prediction", params=moved)
    assert (others["basis"], others["runs"]) == ("others", 2)
    nothing = ask("GET", "/machines/web02/prediction")
    assert (nothing["verb"], nothing["basis"], nothing["seconds"]) == ("failover", "nothing", None)
    assert "machine test-failover web02" in nothing["advice"]
    refused = ask("GET", "/machines/web02/prediction", 422, params={"verb": "commit"})
    assert "planned_failover" in refused["error"]["do"]
