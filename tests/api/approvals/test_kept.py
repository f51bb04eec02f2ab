"""A request that waits: refused, withdrawn, expired, bounded, and all of it on record."""

import dataclasses
import json
from datetime import timedelta

from secondsite.domain import errors
from secondsite.vault.facade import second_person
from secondsite.vault.store.approvals import Approvals
from tests.api.approvals.support_persons import FAILOVER, jobs

JSON = {"Content-Type": "application/json"}


# ---- refused, withdrawn, expired, bounded
# ----------------------------------------------------------------------------


def test_a_refused_or_withdrawn_request_is_not_carried_out(ask, anna, bob, guarded):
    refused = anna.waits("POST", "/machines/failover", json=FAILOVER)
    bob("POST", f"/approvals/{refused}/withdraw", 403)
    bob("POST", f"/approvals/{refused}/refuse", json={"reason": "not today"})
    assert anna.show(refused)["why"] == "not today"
    withdrawn = anna.waits("POST", "/machines/failover", json=FAILOVER)
    assert withdrawn != refused
    anna("POST", f"/approvals/{withdrawn}/withdraw")
    for number, stage in ((refused, "refused"), (withdrawn, "withdrawn")):
        assert f"is {stage}" in bob.grant(number, 409)["error"]["message"]
        anna("POST", f"/approvals/{number}/withdraw", 409)
        bob("POST", f"/approvals/{number}/refuse", 409)
    assert jobs(ask) == []


def make_old(vault, number):
    with vault.store.transaction() as tx:
        record = tx.approvals.find(number)
        tx.approvals.put(dataclasses.replace(record, expires_at=record.asked_at - timedelta(days=9)))


def test_a_request_that_nobody_granted_in_time_expires_and_that_is_on_record(
    vault, ask, anna, bob, guarded, log
):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    make_old(vault, number)
    assert "is expired" in bob.grant(number, 409)["error"]["message"]
    vault.facade.approvals.expire()
    vault.facade.approvals.expire()
    assert bob.show(number)["stage"] == "expired"
    assert log("expire") == [
        ("expire", "secondsite", "expired", {"verb": "failover", "asked_by": "anna"}),
    ]
    assert anna.waits("POST", "/machines/failover", json=FAILOVER) == number + 1
    assert jobs(ask) == []


def test_open_requests_of_a_token_are_bounded_and_those_of_others_are_not_displaced(anna, bob, guarded):
    for number in range(1, second_person.MOST_OPEN_OF_A_TOKEN + 1):
        anna.waits("POST", f"/machines/web01/failover?form={number}")
    refused = anna("POST", "/machines/failover", 409, json={"machines": ["web01"] * 30})["error"]
    assert "approval list" in refused["do"]
    bob.waits("POST", "/machines/failover", json=FAILOVER)


def test_a_request_that_is_too_long_to_be_kept_is_refused(anna, guarded):
    long = json.dumps(FAILOVER) + " " * second_person.MOST_BODY_BYTES
    refused = anna("POST", "/machines/failover", 422, content=long, headers=JSON)["error"]
    assert "too long" in refused["message"]


# ---- on record
# -------------------------------------------------------------------------------------------------------


def test_asking_granting_and_carrying_out_are_on_record_with_both_names(ask, anna, bob, guarded, log):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    done = bob.grant(number)
    asked, carried, granted = log("POST /machines/failover", "POST /approvals/{number}/grant")
    assert asked[1:3] == ("anna", "asked")
    assert asked[3]["approval"]["number"] == number
    assert carried[1:3] == ("anna", "done")
    assert carried[3]["approval"] == {"number": number, "asked_by": "anna", "granted_by": "bob"}
    assert granted[:3] == ("POST /approvals/{number}/grant", "bob", "done")
    entries = ask("GET", "/audit", params={"job": done["job_id"]})["items"]
    assert {entry["who"] for entry in entries} == {"anna", "bob"}
    assert ask("GET", "/audit/verify")["intact"]


def test_a_grant_that_is_refused_is_on_record(ask, anna, guarded, log):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    anna.grant(number, 403)
    assert log("POST /approvals/{number}/grant")[0][1:3] == ("anna", "refused")


def test_what_cannot_be_recorded_is_not_carried_out(ask, anna, bob, guarded, monkeypatch):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)

    def full(*_):
        raise errors.StoreUnavailable("The disk is full.")

    monkeypatch.setattr(Approvals, "put", full)
    bob.grant(number, 503)
    monkeypatch.undo()
    assert (jobs(ask), bob.show(number)["stage"]) == ([], "asked")
    assert bob.grant(number)["job_id"] in jobs(ask)
