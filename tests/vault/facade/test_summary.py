"""All machines at a glance, as far as the caller sees them."""

from datetime import UTC, datetime

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State
from tests.support.vault import Dialler, machine, point, replica_status, source_status

pytestmark = pytest.mark.slow


@pytest.fixture
def three(vault, two_sites):
    """Two machines from a to b, of which one has a point of an hour ago, and one from b to c, which is
    failed over."""
    there = (*two_sites, vault.enroll("c", "three"))
    now = datetime.now(UTC)
    with vault.store.transaction() as tx:
        for number, (source, target) in enumerate(((0, 1), (0, 1), (1, 2))):
            tx.machines.add(
                machine(
                    f"id{number}",
                    f"m{number}",
                    source_site=there[source].site,
                    target_site=there[target].site,
                    source_appliance_id=there[source].id,
                    target_appliance_id=there[target].id,
                    state=State.FAILED_OVER if number == 2 else State.PROTECTED,
                    created_at=now,
                )
            )
            tx.statuses.put_source(source_status(f"id{number}"), now)
            points = [point(1, 3600 if number else 5, now)]
            tx.statuses.put_replica(replica_status(f"id{number}", points), now)
    return there


def summed_up(vault, connected):
    found = vault.rest.get("/api/summary").json()
    return found if sum(each["connected"] for each in found["sites"]) == connected else None


def test_it_counts_states_healths_findings_and_tells_the_worst_rpo(vault, three):
    with Dialler(three[0]), Dialler(three[1]):
        found = eventually(lambda: summed_up(vault, connected=2))
    assert (found["machines"], found["by_state"]) == (3, {"failed_over": 1, "protected": 2})
    assert found["by_health"] == {"healthy": 1, "warning": 1, "critical": 1}
    assert found["findings"]["rpo-exceeded"] == 1
    assert found["worst_rpo_machine"] == "m1"  # what is failed over replicates no more
    assert 3600 <= found["worst_rpo_seconds"] < 3700
    assert {each["name"]: (each["connected"], each["appliances"]) for each in found["sites"]} == {
        "a": (1, 1), "b": (1, 1), "c": (0, 1)
    }  # fmt: skip
    assert [(each["sources"], each["targets"]) for each in found["sites"]] == [(2, 0), (1, 2), (0, 1)]


def test_it_says_of_each_health_as_many_as_the_list_shows(vault, three):
    found = vault.rest.get("/api/summary").json()["by_health"]
    for word in ("healthy", "warning", "critical", "not_applicable"):
        listed = vault.rest.get("/api/machines", params={"health": word}).json()["items"]
        assert len(listed) == found.get(word, 0)


def test_a_token_of_a_site_is_told_of_that_site_alone(vault, three):
    body = {"name": "theirs", "roles": ["reader"], "site": "c"}
    theirs = vault.rest.post("/api/tokens", json=body).json()["token"]
    found = vault.rest.get("/api/summary", headers={"Authorization": f"Bearer {theirs}"}).json()
    assert (found["machines"], found["by_state"], found["worst_rpo_machine"]) == (1, {"failed_over": 1}, None)
    assert [each["name"] for each in found["sites"]] == ["c"]


def test_an_empty_vault_has_a_summary(vault):
    found = vault.rest.get("/api/summary").json()
    assert (found["machines"], found["by_state"], found["worst_rpo_seconds"], found["sites"]) == (
        0,
        {},
        None,
        [],
    )
