"""A rule on a verb guards the runs of plans, and what is approved is the plan as it was asked for."""

import pytest

from tests.support.vault import NOW, point, replica_status

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(vault, ask, guarded):
    with vault.store.transaction() as tx:
        tx.statuses.put_replica(replica_status(points=[point(1)]), NOW)
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01"]}]})


def test_a_run_of_a_plan_waits_as_its_verb_does(ask, anna, bob, shop):
    number = anna.waits("POST", "/plans/shop/failover", json={"choice": "latest_processed"})
    assert bob.show(number)["verb"] == "failover"
    done = bob.grant(number)
    assert ask("GET", f"/jobs/{done['job_id']}")["subject_name"] == "plan shop"


def test_a_plan_that_was_changed_after_it_was_asked_for_is_not_run(ask, anna, bob, shop):
    number = anna.waits("POST", "/plans/shop/failover", json={"choice": "latest_processed"})
    action = {"name": "Traffic", "instruction": "Move it elsewhere"}
    ask("PUT", "/plans/shop", json={"groups": [{"machines": ["web01"], "before": [action]}]})
    refused = bob("POST", f"/approvals/{number}/grant", 409)
    assert "another" in refused["error"]["message"]
