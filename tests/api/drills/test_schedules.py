"""Schedules of test failovers, through their face."""

import pytest

pytestmark = pytest.mark.slow
WEEKLY = {"machines": ["web01"], "every_days": 7, "at": "02:00"}
NIGHTLY = {"name": "nightly", **WEEKLY}


def test_a_schedule_is_made_changed_under_its_edition_paused_and_deleted(vault, ask, protected):
    made = ask("POST", "/drills/schedules", 201, json=NIGHTLY)
    assert (made["machines"][0]["name"], made["network"], made["paused"]) == ("web01", "create", False)
    assert made["next_at"].endswith("T02:00:00Z")
    seen = vault.rest.get("/api/drills/schedules/nightly").headers["etag"]
    paused = ask(
        "PUT", "/drills/schedules/nightly", json={**WEEKLY, "paused": True}, headers={"If-Match": seen}
    )
    assert (paused["paused"], paused["next_at"]) == (True, None)
    ask("PUT", "/drills/schedules/nightly", 412, json=WEEKLY, headers={"If-Match": seen})
    resumed = ask("PUT", "/drills/schedules/nightly", json=WEEKLY)
    assert resumed["next_at"] == made["next_at"]
    assert [each["name"] for each in ask("GET", "/drills/schedules")["items"]] == ["nightly"]
    ask("DELETE", "/drills/schedules/nightly", 204)
    ask("GET", "/drills/schedules/nightly", 404)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"machines": []}, 422),
        ({"plan": "nosuch", "machines": []}, 404),
        ({"machines": ["nosuch"]}, 404),
        ({"machines": ["web01", "web01"]}, 422),
        ({"at": "25:00"}, 422),
        ({"every_days": 0}, 422),
        ({"subnet": "everywhere"}, 422),
        ({"network": "lab", "subnet": "10.9.0.0/24"}, 422),
    ],
    ids=str,
)
def test_what_cannot_be_a_schedule_is_refused(ask, protected, changes, status):
    ask("POST", "/drills/schedules", status, json={**NIGHTLY, **changes})
    assert ask("GET", "/drills/schedules")["items"] == []


def test_a_run_now_says_what_is_in_the_way_and_changes_nothing(ask, protected):
    ask("POST", "/drills/schedules", 201, json=NIGHTLY)
    refused = ask("POST", "/drills/schedules/nightly/run", 409)["error"]
    assert "web01: " in refused["message"]
    assert "has no connection to the vault" in refused["message"]
    assert ask("GET", "/drills/schedules/nightly")["last"] is None
