"""One answer says what needs somebody now, and how fresh and how ready everything is."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.facade.nouns.glance import looking
from secondsite.vault.facade.shared import overviews
from secondsite.vault.store import DriftRecord, ProvenRecord, RecoveredRecord
from secondsite.wire.common.properties import TargetProperties
from secondsite.wire.common.stores import StoreSpace
from secondsite.wire.control import Status
from tests.support.vault import definition, machine, point, replica_status, source_status

pytestmark = pytest.mark.slow

GOAL_SECONDS = 60


@pytest.fixture
def many(vault, two_sites, ask):
    """Machines from a to b that differ in how fresh and how ready they are, and one from b to a."""
    source, target = two_sites
    ask("POST", "/policies", 201, json={"name": "strict", "rto_goal_seconds": GOAL_SECONDS})
    now = datetime.now(UTC)
    here = {"source_appliance_id": source.id, "target_appliance_id": target.id}
    drilled = now - timedelta(days=1)
    proven = ProvenRecord(drilled, definition(), TargetProperties())
    fast, slow = (RecoveredRecord(drilled, Verb.FAILOVER, GOAL_SECONDS + more) for more in (-1, 1))
    records = [
        machine("id0", "fresh", **here, policy="strict", created_at=now, drilled_at=drilled, proven_as=proven,
                recovered=fast),
        machine("id1", "slow", **here, policy="strict", created_at=now, drilled_at=drilled, recovered=slow,
                drill_failed_at=drilled),
        machine("id2", "never", **here, policy="strict", created_at=now - timedelta(days=30)),
        machine("id3", "drifted", **here, created_at=now, drilled_at=drilled, proven_as=proven,
                drift=DriftRecord(now, ("It has one more disk",))),
        machine("id4", "back", source_site="b", target_site="a", source_appliance_id=target.id,
                target_appliance_id=source.id, created_at=now, state=State.FAILED_OVER, failed_over_at=now),
    ]  # fmt: skip
    with vault.store.transaction() as tx:
        for number, record in enumerate(records):
            tx.machines.add(record)
            points = [] if number == 2 else [point(1, 10**number, now)]
            tx.statuses.put_source(source_status(record.id, sent_at=now), now)
            tx.statuses.put_replica(replica_status(record.id, points, store_bytes=10**9), now)
        for appliance in tx.appliances.list():
            stores = (StoreSpace(name="default", free_bytes=5, size_bytes=9),)
            tx.appliances.put(dataclasses.replace(appliance, stores=stores, connected=appliance.site == "a"))
    return now


def test_it_counts_what_the_list_shows(ask, many):
    found = ask("GET", "/overview")
    shown = ask("GET", "/machines")["items"]
    assert found["machines"] == len(shown) == sum(found["by_state"].values())
    for word in ("state", "health"):
        counted = {each: sum(one[word] == each for one in shown) for each in {one[word] for one in shown}}
        assert found[f"by_{word}"] == counted
    codes = [code["code"] for one in shown for code in one["findings"]]
    assert {each["code"]: each["count"] for each in found["needs"]} == {
        code: codes.count(code) for code in codes
    }


def test_what_is_worst_is_told_first_with_what_to_do_next(ask, many):
    needs = ask("GET", "/overview")["needs"]
    assert [each["severity"] for each in needs] == sorted(each["severity"] for each in needs)
    away = next(each for each in needs if each["code"] == "appliance-unreachable")
    assert away["count"] == 4
    assert [each["name"] for each in away["machines"]] == ["drifted", "fresh", "never"]
    shown = {each["code"]: each for each in ask("GET", "/machines/drifted")["findings"]}
    assert away["example"] == shown["appliance-unreachable"]


def test_freshness_and_readiness_are_of_those_that_they_concern(ask, many):
    found = ask("GET", "/overview")
    rpo, ready = found["rpo"], found["readiness"]
    assert [rpo[each] for each in ("replicating", "within_goal", "beyond_goal", "unknown")] == [4, 2, 1, 1]
    assert rpo["worst"][0]["name"] == "drifted"
    assert {name: ready[name] for name in ready if isinstance(ready[name], int)} == {
        "protected": 4, "never_drilled": 1, "drilled_long_ago": 0, "drill_failed": 1, "drifted": 1,
        "rto_goals": 3, "rto_met": 1, "rto_missed": 1, "rto_unknown": 1,
    }  # fmt: skip
    assert datetime.fromisoformat(ready["last_good_drill_at"]) == many - timedelta(days=1)


def test_sites_and_what_replicates_between_them_are_a_drawing(ask, many):
    found = ask("GET", "/overview")
    assert found["sites"] == [
        {"name": "a", "appliances": 1, "connected": 1, "active": 5},
        {"name": "b", "appliances": 1, "connected": 0, "active": 0},
    ]
    ways = {(each["source_site"], each["target_site"]): each for each in found["edges"]}
    assert {way: each["machines"] for way, each in ways.items()} == {("a", "b"): 4, ("b", "a"): 1}
    assert ways["a", "b"]["stored_bytes"] == 4 * 10**9
    assert ways["a", "b"]["worst_rpo_seconds"] >= 1000
    assert ways["b", "a"]["worst_rpo_seconds"] is None
    assert found["away"] == ["two"]
    assert [(each["appliance"], each["free_bytes"]) for each in found["stores"]] == [("one", 5), ("two", 5)]


def test_jobs_that_wait_for_a_person_are_told(vault, ask, many):
    job = ask("POST", "/machines/fresh/points/p1/verify", 202)["job_id"]
    found = ask("GET", "/overview")["jobs"]
    assert found["at_work"] == 1
    assert [each[0] for each in found["newest"]] == [job]
    assert found["waiting"] == []


def test_a_token_of_one_site_is_told_only_of_it(ask, many):
    ask("POST", "/sites", 201, json={"name": "c"})
    for site, count in (("a", 5), ("c", 0)):
        made = ask("POST", "/tokens", 201, json={"name": f"of-{site}", "roles": ["reader"], "site": site})
        found = ask("GET", "/overview", headers={"Authorization": f"Bearer {made['token']}"})
        assert (found["machines"], [each["name"] for each in found["sites"]]) == (count, [site])
        assert {each["site"] for each in found["stores"]} <= {site}
        assert found["vault_findings"] == []


def test_an_answer_is_made_once_for_all_who_ask_until_something_changes_or_a_second_has_passed(
    vault, ask, two_sites, many, monkeypatch
):
    def known():
        return ask("GET", "/overview")["at"]

    first = known()
    assert known() == first
    ask("POST", "/sites", 201, json={"name": "c"})
    assert "c" in [each["name"] for each in ask("GET", "/overview")["sites"]], "a person changed something"
    second = known()
    assert second > first
    vault.facade.parts.facts.hear(two_sites[1].id, Status(replicas=(replica_status("id0", [point(2)]),)))
    assert ask("GET", "/overview")["at"] > second, "an appliance said something"
    vault.facade.parts.facts.hear(two_sites[1].id, Status(replicas=(replica_status("id0"),)))
    third = vault.facade.live.look(None, whole=False).mark
    assert ask("GET", "/overview")["mark"] == third, "whoever follows was told of it before"
    last = known()
    monkeypatch.setattr(looking, "FRESH", timedelta())
    assert known() > last, "time alone"


def test_no_more_kinds_of_findings_are_told_than_fit():
    assert overviews.needs([]) == []
