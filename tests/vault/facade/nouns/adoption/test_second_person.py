"""To adopt takes two persons where that is set: before the second approved it, the appliance does nothing."""

import pytest

from tests.support.vault import Dialler
from tests.vault.facade.nouns.adoption.support_saying import Appliance, found, kept, said


@pytest.fixture
def at(vault):
    return vault.enroll("b", "b-1")


@pytest.fixture
def appliance(at):
    appliance = Appliance([found(kept=kept())], said())
    with Dialler(at, appliance.answers()):
        yield appliance


@pytest.fixture
def persons(vault):
    """Anna and bob ask with these headers; to adopt takes both."""
    headers = {}
    for name, role in (("chief", "access_administrator"), ("deputy", "access_administrator"),
                       ("anna", "contributor"), ("bob", "contributor")):  # fmt: skip
        ends = {"valid_seconds": None} if role == "access_administrator" else {}
        made = vault.rest.post("/api/tokens", json={"name": name, "roles": [role], **ends})
        headers[name] = {"Authorization": f"Bearer {made.json()['token']}"}
    wanted = {"verbs": ["adopt"]}
    set_now = vault.rest.put("/api/approvals/settings", json=wanted, headers=headers["chief"])
    assert set_now.status_code == 200, set_now.text
    return headers["anna"], headers["bob"]


def asks(vault, at, anna):
    """The number under which anna's request is kept."""
    answer = vault.rest.post(f"/api/appliances/{at.id}/adopt", json={}, headers=anna)
    assert answer.json()["error"]["code"] == "approval-needed"
    return answer.headers["location"].rpartition("/")[2]


def test_the_appliance_does_nothing_before_the_second_person_approved(vault, at, appliance, persons):
    anna, bob = persons
    number = asks(vault, at, anna)
    assert not appliance.adopted
    granted = vault.rest.post(f"/api/approvals/{number}/grant", headers=bob)
    assert granted.status_code == 200, granted.text
    assert [order.machine_id for order in appliance.adopted] == ["m1"]


def test_what_the_second_person_refused_is_not_done_at_the_appliance(vault, at, appliance, persons):
    anna, bob = persons
    refused = vault.rest.post(f"/api/approvals/{asks(vault, at, anna)}/refuse", headers=bob)
    assert refused.status_code == 200, refused.text
    assert not appliance.adopted


def test_it_is_in_the_audit_log_before_the_appliance_begins(vault, at, appliance):
    vault.rest.post(f"/api/appliances/{at.id}/adopt", json={})
    entries = vault.rest.get("/api/audit", params={"oldest_first": True, "limit": 1000}).json()["items"]
    of_adoption = [each["outcome"] for each in entries if each["verb"].endswith("/adopt")]
    assert of_adoption == ["begun", "done"]
