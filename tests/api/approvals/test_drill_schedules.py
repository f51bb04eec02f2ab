"""A rule on test failovers guards the schedules that start them, and what is approved is for the machines
that were meant."""

import pytest

pytestmark = pytest.mark.slow
NIGHTLY = {"name": "nightly", "machines": ["web01"], "every_days": 7, "at": "02:00"}


def test_a_schedule_waits_for_whoever_would_have_to_grant_its_drills(require, anna, bob, ask, protected):
    require("test_failover")
    number = anna.waits("POST", "/drills/schedules", json=NIGHTLY)
    assert ask("GET", "/drills/schedules")["items"] == []
    bob.grant(number)
    assert [each["name"] for each in ask("GET", "/drills/schedules")["items"]] == ["nightly"]
    changed = {key: value for key, value in NIGHTLY.items() if key != "name"} | {"every_days": 1}
    anna.waits("PUT", "/drills/schedules/nightly", json=changed)
    assert ask("GET", "/drills/schedules/nightly")["every_days"] == 7
