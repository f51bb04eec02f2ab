"""That a plan commits by itself, through its face: who may say so, of which plans, and what is shown."""

import pytest

from secondsite.domain.access.approvals import Rules
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.directions import Direction
from secondsite.domain.plans.held_checks import HeldChecks
from secondsite.jobs.storage.tables import jobs
from secondsite.vault.plan_runs.arguments import PlanRunArguments
from secondsite.vault.store import HeldChecksRecord
from tests.support.vault import NOW, machine

pytestmark = pytest.mark.slow
SHOP = {"name": "shop", "groups": [{"machines": ["db01"]}, {"machines": ["web01"]}]}
HELD = {"commit_after_held_seconds": 3600}
PORT = {"name": "port", "kind": "tcp", "port": 22}
PROMPT = {"name": "prompt", "kind": "console", "text": "login:"}


@pytest.fixture
def shop(vault, two_sites, ask):
    """Two machines that were failed over, one of which has a check that can be repeated."""
    source, target = two_sites
    with vault.store.transaction() as tx:
        for name in ("db01", "web01"):
            made = machine(
                f"id-{name}", name, source_appliance_id=source.id, target_appliance_id=target.id,
                state=State.FAILED_OVER, failed_over_at=NOW, failed_over_point_id="p1",
            )  # fmt: skip
            tx.machines.add(made)
    ask("PUT", "/machines/db01/checks", json={"checks": [PORT]})
    ask("PUT", "/machines/web01/checks", json={"checks": [PROMPT]})
    return SHOP


@pytest.fixture
def set_shop(ask, shop):
    ask("PUT", "/machines/web01/checks", json={"checks": [PROMPT, PORT]})
    return ask("POST", "/plans", 201, json={**SHOP, **HELD})


def ran(vault):
    """The plan's last failover, as its job."""
    with vault.store.transaction() as tx:
        plan = tx.plans.find("shop")
        job_id = vault.running.parts().deps.submit(
            tx.session, "plan_run", subject="plan/shop", subject_name="plan shop", requested_by="admin",
            arguments=PlanRunArguments(
                plan="shop", verb=Verb.FAILOVER, direction=Direction.AWAY, groups=()
            ),
        )  # fmt: skip
        changed = {"state": "succeeded", "created_at": plan.changed_at}
        tx.session.execute(jobs.update().where(jobs.c.id == job_id).values(**changed))
    return job_id


def known(vault, run_id, **values):
    with vault.store.transaction() as tx:
        tx.held_checks.put(HeldChecksRecord("shop", run_id, **values))


def test_none_does_unless_it_is_said(ask, shop):
    made = ask("POST", "/plans", 201, json=SHOP)
    assert (made["commit_after_held_seconds"], made["held_checks"]) == (0, None)
    said = ask("POST", "/plans/shop/keep-open", 409)["error"]
    assert "does not commit by itself" in said["message"]


def test_a_plan_with_a_machine_whose_checks_are_only_of_its_start_is_refused(ask, shop):
    said = ask("POST", "/plans", 409, json={**SHOP, **HELD})["error"]
    assert "these have no check that can be repeated: web01" in said["message"]
    assert "secondsite check set" in said["do"]
    ask("GET", "/plans/shop", 404)


@pytest.mark.parametrize("seconds", [60, 299, 604_801, -1])
def test_a_time_that_nobody_could_use_to_say_no_is_refused(ask, set_shop, seconds):
    ask("PUT", "/plans/shop", 422, json={"groups": SHOP["groups"], "commit_after_held_seconds": seconds})
    assert ask("GET", "/plans/shop")["commit_after_held_seconds"] == 3600


def test_where_commits_wait_for_a_second_person_it_is_refused(vault, ask, set_shop):
    with vault.store.transaction() as tx:
        tx.approvals.set_rules(Rules(("commit",)))
    change = {"groups": SHOP["groups"], **HELD}
    assert "second person" in ask("PUT", "/plans/shop", 409, json=change)["error"]["message"]
    assert ask("PUT", "/plans/shop", json={"groups": SHOP["groups"]})["commit_after_held_seconds"] == 0


def test_it_is_set_for_whoever_set_it_last(vault, ask, set_shop):
    with vault.store.reading() as tx:
        set_by = tx.plans.find("shop").plan.commit_set_by
        assert tx.holders.with_id(set_by).name == "admin"


def test_since_when_they_hold_and_what_comes_is_shown(vault, ask, set_shop):
    run = ran(vault)
    known(vault, run, held=HeldChecks("x", NOW, NOW, since=NOW, seconds=60.0))
    shown = ask("GET", "/plans/shop")
    assert shown["held_checks"]["since"] is not None
    assert shown["held_checks"]["commits_not_before"] > shown["held_checks"]["since"]
    assert ask("GET", "/plans")["items"][0]["held_checks"] == shown["held_checks"]
    known(vault, run, held=HeldChecks("x", NOW, NOW, problem="db01: port: Connection refused"))
    shown = ask("GET", "/plans/shop")["held_checks"]
    assert (shown["since"], shown["problem"]) == (None, "db01: port: Connection refused")


def test_it_is_kept_open_by_name_once_and_is_on_record(vault, ask, set_shop):
    ran(vault)
    first = ask("POST", "/plans/shop/keep-open")["held_checks"]
    assert (first["kept_open_by"], first["commits_not_before"]) == ("admin", None)
    assert ask("POST", "/plans/shop/keep-open")["held_checks"] == first
    entries = ask("GET", "/audit", params={"verb": "POST /plans/{plan}/keep-open"})["items"]
    assert [each["who"] for each in entries] == ["admin", "admin"]


def test_one_whose_commit_has_begun_is_not_kept_open(vault, ask, set_shop):
    known(vault, ran(vault), job_id="0123456789abcdef")
    said = ask("POST", "/plans/shop/keep-open", 409)["error"]
    assert "was committed by itself already, by job 01234567" in said["message"]
    assert ask("GET", "/plans/shop")["held_checks"]["job_id"] == "0123456789abcdef"


def test_a_plan_that_is_deleted_takes_what_is_known_of_it_along(vault, ask, set_shop):
    known(vault, "run")
    ask("DELETE", "/plans/shop", 204)
    with vault.store.reading() as tx:
        assert tx.held_checks.find("shop") is None
