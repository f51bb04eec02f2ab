"""A verb that the setting names is carried out when a second person has approved it, once, exactly as it
was asked."""

import dataclasses
import json

import pytest
from sqlalchemy import insert, select, text

from secondsite.api import permissions, routes
from secondsite.domain.access import approvals
from secondsite.jobs.storage import tables
from secondsite.vault.store.sql.columns import metadata
from tests.api.approvals.support_calls import CHANGING, REQUESTS, TRIES, request_of
from tests.api.approvals.support_persons import FAILOVER, jobs
from tests.support.vault import point, replica_status, source_status

# ---- off, and on
# -----------------------------------------------------------------------------------------------------


def test_nothing_waits_unless_the_setting_names_it(ask, protected):
    assert ask("GET", "/approvals/settings") == {"verbs": [], "lasts_seconds": 86400}
    ask("POST", "/machines/failover", 202, json=FAILOVER)


def test_the_names_are_those_of_the_calls_that_change_something():
    names = {
        permissions.verb_of(route.name)
        for router in routes.GUARDED
        for route in router.routes
        if route.methods != {"GET"}
    }
    own = {"log_out", "end_session"}  # a session that a thief has must go at once
    own |= {"change_own_password", "begin_second_factor", "confirm_second_factor", "remove_second_factor"}
    own |= {"begin_security_key", "add_security_key", "ask_security_key", "remove_security_key"}
    own |= {"approve_login", "refuse_login"}
    own |= {"type_into_drill_way"}  # the way was approved when it was opened
    assert names - {"grant_approval", "refuse_approval", "withdraw_approval"} - own == approvals.VERBS


def test_an_unknown_verb_is_refused_with_the_list(chiefs):
    refused = chiefs[0]("PUT", "/approvals/settings", 422, json={"verbs": ["failover", "fly"]})["error"]
    assert "fly" in refused["message"]
    assert "disable_protection" in refused["do"]
    assert "release_point" in refused["do"]


def test_only_an_access_administrator_changes_the_setting(anna, chiefs):
    anna("PUT", "/approvals/settings", 403, json={"verbs": ["failover"]})
    anna("GET", "/approvals/settings")


def test_it_is_not_switched_on_while_nobody_could_switch_it_off_again(ask, person):
    wanted = {"verbs": ["failover"]}
    assert (
        "two access administrators" in ask("PUT", "/approvals/settings", 409, json=wanted)["error"]["message"]
    )
    person("chief", "access_administrator", valid_seconds=None)  # made by admin: no second person for him
    person("guest", "access_administrator")  # ends
    ask("PUT", "/approvals/settings", 409, json=wanted)
    person("deputy", "access_administrator", valid_seconds=None)
    ask("PUT", "/approvals/settings", json=wanted)


# ---- asked, granted, done
# --------------------------------------------------------------------------------------------


def test_a_granted_request_is_carried_out_once_as_it_was_asked_for_whoever_asked(ask, anna, bob, guarded):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    assert jobs(ask) == []
    shown = bob.show(number)
    assert (shown["stage"], shown["who"], shown["verb"]) == ("asked", "anna", "failover")
    assert json.loads(shown["asked"]["body"]) == FAILOVER
    done = bob.grant(number)
    assert (done["stage"], done["by"], done["code"]) == ("done", "bob", 202)
    assert jobs(ask) == [done["job_id"]]
    assert ask("GET", f"/jobs/{done['job_id']}")["requested_by"] == "anna"
    assert anna.show(number)["job_id"] == done["job_id"]


def test_a_grant_that_comes_again_gets_the_same_answer_and_starts_nothing(ask, anna, bob, guarded):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    first = bob.grant(number)
    assert bob.grant(number) == first
    assert jobs(ask) == [first["job_id"]]


def test_a_form_for_one_machine_waits_as_the_form_for_several_does(ask, anna, bob, guarded):
    number = anna.waits("POST", "/machines/web01/failover", json={"choice": "latest_processed"})
    assert bob.grant(number)["job_id"] in jobs(ask)


def test_asking_again_is_the_same_request_however_it_is_written(vault, anna, guarded):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER, headers={"Idempotency-Key": "one"})
    spaced = '{ "choice":"latest_processed",  "machines": ["web01"]}'
    headers = {"Idempotency-Key": "two", "Content-Type": "application/json"}
    assert anna.waits("POST", "/machines/failover", content=spaced, headers=headers) == number
    assert anna.waits("POST", "/machines/failover", json={"machines": ["web01"]}) == number + 1


def test_after_the_grant_the_askers_repeat_under_its_key_gets_the_answer(anna, bob, guarded):
    headers = {"Idempotency-Key": "mine"}
    done = bob.grant(anna.waits("POST", "/machines/failover", json=FAILOVER, headers=headers))
    answer = anna("POST", "/machines/failover", 202, json=FAILOVER, headers=headers)
    assert answer["job_id"] == done["job_id"]


def test_what_would_be_refused_anyway_is_refused_at_once_and_not_kept(anna, guarded):
    anna("POST", "/machines/nosuch/failover", 404)
    anna("POST", "/machines/web01/failover", 422, json={"choice": "wrong"})
    assert anna("GET", "/approvals")["items"] == []


def test_what_has_changed_meanwhile_is_refused_at_the_grant_and_the_request_waits_on(
    ask, anna, bob, chiefs, guarded
):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    other = anna.waits("POST", "/machines/web01/failover", json={})
    bob.grant(other)
    refused = bob.grant(number, 409)["error"]
    assert (refused["code"], "failover" in refused["message"]) == ("not-possible-now", True)
    assert anna.show(number)["stage"] == "asked"
    assert len(jobs(ask)) == 1


@pytest.mark.parametrize("call", ["machines/failover", "machines/web01/failover"])
def test_a_grant_is_for_the_machine_that_had_the_name_when_it_was_asked(
    vault, ask, anna, bob, guarded, protected, call
):
    number = anna.waits("POST", f"/{call}", json={} if "web01" in call else FAILOVER)
    with vault.store.transaction() as tx:
        tx.machines.remove(protected.id)
        tx.machines.add(dataclasses.replace(protected, id="m2"))
        now = protected.created_at
        tx.statuses.put_source(source_status("m2", sent_at=now, last_seq=9), now)
        tx.statuses.put_replica(replica_status("m2", points=[point(1, 60, now), point(2, 30, now)]), now)
    refused = bob.grant(number, 409)["error"]
    assert "belongs to another machine now" in refused["message"]
    assert anna.show(number)["stage"] == "asked"
    assert jobs(ask) == []


def test_a_policy_that_was_made_anew_under_its_name_is_given_to_no_machine(
    ask, anna, bob, require, protected
):
    ask("POST", "/policies", 201, json={"name": "long", "retention_seconds": 864000})
    require("update_policy")
    number = anna.waits("PUT", "/machines/web01/policy", json={"policy": "long"})
    ask("DELETE", "/policies/long", 204)
    ask("POST", "/policies", 201, json={"name": "long", "retention_seconds": 0})
    assert "was changed since" in bob.grant(number, 409)["error"]["message"]
    assert ask("GET", "/machines/web01")["policy"] != "long"


def test_an_edition_that_the_asker_saw_is_compared_when_it_is_granted(ask, anna, bob, require):
    ask("POST", "/policies", 201, json={"name": "gold"})
    require("update_policy")
    anna("GET", "/policies/gold")
    tag = anna.last.headers["etag"]
    seen = anna.waits(
        "PUT", "/policies/gold", json={"name": "gold", "cycle_seconds": 9}, headers={"If-Match": tag}
    )
    bob.grant(anna.waits("PUT", "/policies/gold", json={"name": "gold", "cycle_seconds": 7}))
    assert bob.grant(seen, 412)["error"]["code"] == "changed-meanwhile"
    assert ask("GET", "/policies/gold")["cycle_seconds"] == 7


def test_a_job_of_a_guarded_verb_runs_again_only_when_that_is_granted(vault, anna, bob, require, protected):
    job = anna("POST", "/machines/web01/disable-protection", 202)["job_id"]
    require("disable_protection")
    with vault.store.transaction() as tx:  # as a restored vault holds it, and nobody works on it
        row = tx.session.execute(select(tables.jobs).where(tables.jobs.c.id == job)).mappings().one()
        tx.session.execute(insert(tables.jobs).values({**row, "id": "held", "state": "held"}))
    job = "held"
    number = anna.waits("POST", f"/jobs/{job}/resume")
    assert anna("GET", f"/jobs/{job}")["state"] == "held"
    assert bob.grant(number)["job_id"] == job
    assert anna("GET", f"/jobs/{job}")["state"] != "held"


def test_what_an_appliance_does_is_begun_only_when_it_is_granted_and_a_grant_may_come_again(
    ask, anna, bob, require, protected, log
):
    require("release_point")
    call = "DELETE /machines/{machine}/points/{point}/hold"
    number = anna.waits("DELETE", "/machines/web01/points/p1/hold")
    for times in (1, 2):
        bob.grant(number, 503)  # the appliance is away
        assert [each[1:3] for each in log(call)] == [("anna", "asked"), *[("anna", "begun")] * times]
    assert log(call)[-1][3]["approval"]["granted_by"] == "bob"
    assert (anna.show(number)["stage"], "appliance" in anna.show(number)["tried"].casefold()) == (
        "asked",
        True,
    )


# ---- everything that there is
# ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_whatever_is_named_changes_nothing_until_a_second_person_grants_it(vault, ask, person, protected):
    everything = ("contributor", "access_administrator")
    one, other = (person(name, *everything, valid_seconds=None) for name in ("one", "other"))
    one("PUT", "/approvals/settings", json={"verbs": sorted(approvals.VERBS)})
    waited = done = 0
    for call in [*REQUESTS, *sorted(CHANGING - set(REQUESTS))]:
        if call == "POST /enroll" or "/approvals/" in call or "/session" in call or "/logins" in call:
            continue
        method, path, how = request_of(call)
        before = contents(vault)
        one(method, path, None, **how)
        assert one.last.status_code in (404, 409), (call, one.last.text)
        assert contents(vault) == before, call
        if one.last.json()["error"]["code"] != "approval-needed":
            continue
        waited += 1
        number = int(one.last.headers["location"].rpartition("/")[2])
        one.grant(number, 403)
        other.grant(number, None)
        if one.show(number)["stage"] == "granted":
            assert contents(vault) == before, call
            one(method, path, None, **how)
        done += one.show(number)["stage"] == "done"
        is_done = one.show(number)["stage"] == "done"
        assert (is_done and call not in TRIES) == (contents(vault) != before), call
    assert (waited >= 20, done >= 18) == (True, True)
    assert ask("GET", "/audit/verify")["intact"]


def contents(vault):
    """All that the vault keeps but what waits, and what is on record."""
    beside = {"approvals", "approval_rules", "audit", "audit_ends", "machine_statuses", "lineage", "engines"}
    tables = [each for each in metadata.sorted_tables if each.name not in beside]
    with vault.store.reading() as tx:
        rows = {each.name: tx.session.execute(each.select()).all() for each in tables}
        names = tx.session.execute(text("SELECT id FROM jobs ORDER BY id")).all()
    tokens = [(each.name, each.token_sha256) for each in rows.pop("tokens")]
    return {**rows, "jobs": names, "tokens": tokens, "kept": vault.facade.audit.settings()}


@pytest.mark.parametrize("call", ["machines/failover", "machines/web01/failover", "plans/shop/failover"])
def test_a_machine_that_was_moved_since_goes_the_way_of_nobody_who_was_asked(
    vault, ask, anna, bob, guarded, protected, call
):
    """It was asked for from a to b, and carried out from b to a."""
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01"]}]})
    number = anna.waits("POST", f"/{call}", json=FAILOVER if call == "machines/failover" else {})
    (asked,) = bob.show(number)["asked"]["machines"]
    assert asked == {"id": protected.id, "name": "web01", "source_site": "a", "target_site": "b"}
    change(vault, protected.id, source_site="b", target_site="a")
    assert "may have been moved" in bob.grant(number, 409)["error"]["message"]
    assert "may have been moved" in anna.show(number)["tried"]
    assert jobs(ask) == []
    anew = anna.waits("POST", f"/{call}", json=FAILOVER if call == "machines/failover" else {})
    assert anew == number + 1


def change(vault, machine, **to):
    with vault.store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get(machine), **to))


def test_a_test_failover_that_came_and_went_hinders_no_grant(vault, ask, anna, bob, guarded, protected):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    change(vault, protected.id, drill_generation=2)
    assert bob.grant(number)["job_id"] in jobs(ask)


def test_a_grant_that_is_refused_at_once_tells_its_asker_why(anna, bob, guarded):
    number = anna.waits("POST", "/machines/failover", json=FAILOVER)
    bob.grant(anna.waits("POST", "/machines/web01/failover", json={}))
    refused = bob.grant(number, 409)["error"]
    assert "failover is not possible" in refused["message"]
    assert anna.show(number)["tried"] == refused["message"]
