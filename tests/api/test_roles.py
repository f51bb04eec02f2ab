"""Every call, asked with every kind of token: the answer is what the domain's table says."""

import pytest

from rig.eventually import eventually
from secondsite.api import permissions
from secondsite.domain.access.roles import Grant, Permission, Role
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans import run_selection
from secondsite.entry import reference
from tests.support.vault import machine

pytestmark = pytest.mark.always

OPERATIONS = sorted(
    (method.upper(), path.removeprefix("/api"))
    for path, methods in reference.openapi()["paths"].items()
    for method in methods
)
GRANTS = {
    **{role.value: Grant((role,)) for role in Role},
    **{f"{role.value} of a": Grant((role,), "a") for role in Role if role is not Role.ACCESS_ADMINISTRATOR},
    "reader and access administrator": Grant((Role.READER, Role.ACCESS_ADMINISTRATOR)),
}
INVALID = ("expired", "removed", "replaced", "none")


def create(ask, name, grant, **more):
    body = {"name": name, "roles": list(grant.roles), "site": grant.site, **more}
    return ask("POST", "/tokens", 201, json=body)["token"]


@pytest.fixture
def tokens(ask, two_sites):
    """One of each kind, by its name."""
    found = {name: create(ask, name, grant) for name, grant in GRANTS.items()}
    everything = Grant((Role.CONTRIBUTOR, Role.ACCESS_ADMINISTRATOR))
    found |= {
        "expired": create(ask, "expired", everything, valid_seconds=0.001),
        "removed": create(ask, "removed", everything),
        "replaced": create(ask, "replaced", everything),
        "none": "",
    }
    ask("DELETE", "/tokens/removed", 204)
    ask("POST", "/tokens/replaced/rotate")
    eventually(lambda: {each["name"]: each["expired"] for each in ask("GET", "/tokens")}["expired"])
    return found


@pytest.fixture
def status(vault):
    """The status of a call with a token."""

    def status(token, method, path, **how):
        headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
        return vault.rest.request(method, f"/api{path}", headers=headers, **how).status_code

    return status


def test_every_call_declares_what_it_needs_and_nothing_else_is_declared():
    declared = set(permissions.NEEDS) | permissions.OPEN
    assert {f"{method} {path}" for method, path in OPERATIONS} == declared


def test_a_call_that_declares_nothing_is_for_nobody(vault, ask, monkeypatch):
    left = {call: needed for call, needed in permissions.NEEDS.items() if call != "GET /sites"}
    monkeypatch.setattr(permissions, "NEEDS", left)
    assert ask("GET", "/sites", 403)["error"]["code"] == "forbidden"


def test_the_description_says_what_each_call_needs():
    document = reference.openapi()
    for method, path in OPERATIONS:
        what = document["paths"][f"/api{path}"][method.lower()]
        call = f"{method} {path}"
        assert what.get("x-permission") == permissions.NEEDS.get(call)
        assert (call in permissions.OPEN) or "Needs " in what["description"]


ENDLESS = {"/events": {"machine": "nosuch"}, "/live": {"interval": 0}}
"""What is asked of streams so that they do not begin: they would have no end."""


@pytest.mark.slow
def test_every_call_is_answered_as_the_table_says_whoever_asks(tokens, status):
    asked = 0
    for method, path in OPERATIONS:
        call = f"{method} {path}"
        if call in permissions.OPEN:
            continue
        for name, token in tokens.items():
            # nothing of that name is there, so what is allowed does nothing
            filled = path.replace("{", "no-").replace("}", "")
            answer = status(token, method, filled, params=ENDLESS.get(path, {}))
            asked += 1
            if name in INVALID:
                assert answer == 401, (call, name)
            elif GRANTS[name].may(permissions.NEEDS[call]):
                assert answer not in (401, 403), (call, name)
            else:
                assert answer == 403, (call, name)
    assert asked == len(permissions.NEEDS) * len(tokens)


BESIDE = {
    "machine": "web01",
    "site": "a",
    "other": "b",
    "appliance": "one",
    "point": "p1",
    "line": "san-policy",
    "group": "shop",
    "plan": "shop",
    "schedule": "nightly",
    "pool": "dmz",
    "address": "10.2.0.9",
    "evidence": "nosuch-1",
    "sha256": "0" * 64,
    "policy": "default",
    "session": "nosuch",
    "person": "nosuch",
    "pass_id": "nosuch",
    "way": "nosuch",
    "number": 1,
}


GUARDED = [(method, path) for method, path in OPERATIONS if f"{method} {path}" not in permissions.OPEN]
OWN = ("/session", "/logins")
"""What is the caller's own, in whatever scope."""
RUNS_OF_PLANS = {f"/plans/{{plan}}/{verb.value.replace('_', '-')}" for verb in run_selection.VERBS}


@pytest.mark.slow
def test_what_is_outside_a_scope_is_not_there_and_is_not_changed(vault, ask, protected, status):
    ask("POST", "/sites", 201, json={"name": "c"})
    ask("POST", "/groups", 201, json={"name": "shop", "source_site": "a", "target_site": "b"})
    ask("POST", "/plans", 201, json={"name": "shop", "groups": [{"machines": ["web01"]}]})
    weekly: dict[str, object] = {"every_days": 7, "at": "02:00"}
    ask("POST", "/drills/schedules", 201, json={"name": "nightly", "machines": ["web01"], **weekly})
    addresses = {"network": "lan", "subnet": "10.2.0.0/24", "ranges": ["10.2.0.9"]}
    ask("POST", "/pools", 201, json={"name": "dmz", "site": "a", **addresses})
    job = ask("POST", "/machines/web01/points/p1/verify", 202)["job_id"]
    token = create(ask, "of c", Grant((Role.CONTRIBUTOR,), "c"))
    before = records(vault)
    for method, path in GUARDED:
        call = f"{method} {path}"
        if path.startswith(OWN) or not GRANTS["contributor of a"].may(permissions.NEEDS[call]):
            continue
        named = path.format(**BESIDE, job=job, name="admin") if "{" in path else path
        body: dict[str, object] = {
            "machines": ["web01"],
            "source_site": "a",
            "target_site": "b",
            "disks": ["vda"],
            "name": "new",
        }
        if path.endswith(("enable-protection", "settle")):
            del body["disks"]
        body |= {"site": "a", "accept_two_copies": True, "reason": "why", "bytes_per_second": 10**6}
        body |= {"reverse_after_commit": False, "folder": "/srv", "who": "admin", "path": "vda1"}
        body |= {"typed": "eA=="}
        body |= {"task": 0, "verdict": "done", "groups": [{"machines": ["web01"]}]}
        if path.endswith("cleanup-test-failover"):
            del body["verdict"]
        if path.startswith("/drills"):
            body |= weekly
        if path in RUNS_OF_PLANS:
            body = {}
        if path.endswith("/policy"):
            body = {"policy": "default"}
        if call == "PUT /groups/{group}":
            body = {"machines": [], "multi_vm_every_seconds": 60, "app_consistent": False}
        of_target = path.endswith(("/machines/{machine}/preflight", "/machines/{machine}/appliances"))
        asked = {"params": {"target": "b"}} if of_target else {}
        how = asked if method in ("GET", "DELETE") else {"json": body}
        if ("{" in path and path != "/policies/{policy}") or method == "POST":
            assert status(token, method, named, **how) == 404, call
    assert status(token, "GET", "/events", params={"machine": "web01"}) == 404
    assert records(vault) == before
    lists = (
        "/sites",
        "/machines",
        "/groups",
        "/plans",
        "/drills/schedules",
        "/jobs",
        "/appliances",
        "/networks/mappings",
        "/pools",
        "/discovery",
    )
    mine = {"Authorization": f"Bearer {token}"}
    found = {path: ask("GET", path, headers=mine) for path in lists}
    names = {path: shown["items"] if isinstance(shown, dict) else shown for path, shown in found.items()}
    assert [each["name"] for each in names.pop("/sites")] == ["c"]
    assert [each["site"] for each in names.pop("/discovery")] == ["c"]
    assert not any(names.values()), names
    assert ask("GET", "/vault", headers=mine)["machines"] == 0


def records(vault):
    with vault.store.reading() as tx:
        return [
            *tx.machines.list(),
            *tx.groups.list(),
            *tx.plans.list(),
            *tx.drill_schedules.list(),
            *tx.pools.list(),
            *tx.sites.list(),
            *tx.appliances.list(),
        ]


def test_a_token_of_either_site_of_a_machine_acts_on_it(ask, protected):
    for site in ("a", "b"):
        mine = {"Authorization": f"Bearer {create(ask, site, Grant((Role.OPERATOR,), site))}"}
        assert [each["name"] for each in ask("GET", "/machines", headers=mine)["items"]] == ["web01"]
        assert [each["name"] for each in ask("GET", "/sites", headers=mine)["items"]] == [site]
        job = ask("POST", "/machines/web01/points/p1/verify", 202, headers=mine)["job_id"]
        assert ask("GET", f"/jobs/{job}", headers=mine)["requested_by"] == site
        assert [each["id"] for each in ask("GET", "/jobs", headers=mine, params={"limit": 1})["items"]] == [
            job
        ]


def test_a_name_that_others_have_too_is_found_in_the_scope(vault, ask, protected, two_sites):
    for site in ("c", "d"):
        vault.enroll(site)
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m2", "web01", source_site="c", target_site="d", home_site="c"))
    ask("GET", "/machines/web01", 422)
    mine = {"Authorization": f"Bearer {create(ask, 'd', Grant((Role.READER,), 'd'))}"}
    assert ask("GET", "/machines/web01", headers=mine)["id"] == "m2"
    assert ask("GET", "/machines/m1", 404, headers=mine)


def test_a_machine_is_protected_by_who_has_its_own_site_in_the_scope(ask, two_sites):
    body = {"machines": ["new"], "source_site": "a", "target_site": "b"}
    for site, wanted in (("a", 202), ("b", 404)):
        mine = {"Authorization": f"Bearer {create(ask, site, Grant((Role.CONTRIBUTOR,), site))}"}
        ask("POST", "/machines/enable-protection", wanted, headers=mine, json=body)


def test_a_name_that_is_given_again_gives_no_sight_of_what_was_done_under_it(ask, protected):
    create(ask, "anna", Grant((Role.CONTRIBUTOR,)))
    former = {"Authorization": f"Bearer {ask('POST', '/tokens/anna/rotate')['token']}"}
    job = ask("POST", "/machines/web01/points/p1/verify", 202, headers=former)["job_id"]
    ask("DELETE", "/tokens/anna", 204)
    ask("POST", "/sites", 201, json={"name": "c"})
    mine = {"Authorization": f"Bearer {create(ask, 'anna', Grant((Role.OPERATOR,), 'c'))}"}
    assert ask("GET", "/jobs", headers=mine)["items"] == []
    ask("GET", f"/jobs/{job}", 404, headers=mine)
    for what in ("cancel", "retry", "resume"):
        ask("POST", f"/jobs/{job}/{what}", 404, headers=mine)


def test_ids_that_begin_alike_are_told_of_jobs_in_the_scope_only(vault, ask, protected):
    ask("POST", "/sites", 201, json={"name": "c"})
    mine = {"Authorization": f"Bearer {create(ask, 'c', Grant((Role.READER,), 'c'))}"}
    for _ in range(17):
        ask("POST", "/machines/web01/points/p1/verify", 202)
    digits = "0123456789abcdef"
    assert {ask("GET", f"/jobs/{digit}", 404, headers=mine)["error"]["code"] for digit in digits} == {
        "not-found"
    }


def test_machines_of_other_sites_with_the_same_name_are_not_told_nor_in_the_way(vault, ask, two_sites):
    for site in ("c", "d"):
        vault.enroll(site)
    with vault.store.transaction() as tx:
        tx.machines.add(machine("m2", "db", source_site="c", target_site="d", home_site="c"))
        tx.machines.add(machine("m3", "db", source_site="d", target_site="c", home_site="d"))
    mine = {"Authorization": f"Bearer {create(ask, 'a', Grant((Role.CONTRIBUTOR,), 'a'))}"}
    body = {"machines": ["db"], "source_site": "a", "target_site": "b"}
    ask("POST", "/machines/enable-protection", 202, headers=mine, json=body)


def test_a_request_names_a_thousand_machines_at_most(ask, protected):
    operator = {"Authorization": f"Bearer {create(ask, 'night-shift', Grant((Role.OPERATOR,), 'a'))}"}
    for path in ("failover", "planned-failover", "commit"):
        ask("POST", f"/machines/{path}", 422, headers=operator, json={"machines": ["web01"] * 1001})
    body = {"source_site": "a", "target_site": "b", "machines": ["new"] * 1001}
    ask("POST", "/machines/enable-protection", 422, json=body)
    ask("POST", "/groups", 422, json=body | {"name": "shop"})


FORMS = [verb for verb in Verb if verb in (Verb.COMMIT, Verb.CANCEL_FAILOVER, Verb.CLEANUP_TEST_FAILOVER)]


@pytest.mark.parametrize("verb", FORMS)
def test_an_operator_may_not_go_on_without_a_site(ask, protected, verb):
    operator = {"Authorization": f"Bearer {create(ask, 'night-shift', Grant((Role.OPERATOR,)))}"}
    path = f"/machines/web01/{verb.value.replace('_', '-')}"
    ask("POST", path, 409, headers=operator)
    refused = ask("POST", path, 403, headers=operator, json={"without_site": "a"})["error"]
    assert (refused["code"], "give_up" in refused["message"]) == ("forbidden", True)
    assert "--role contributor" in refused["do"]
    ask("POST", path, 409, json={"without_site": "a"})


def test_an_operator_lets_only_such_jobs_run_again_that_an_operator_may_start(
    ask, vault, protected, two_sites
):
    operator = {"Authorization": f"Bearer {create(ask, 'night-shift', Grant((Role.OPERATOR,)))}"}
    job = ask("POST", "/machines/web01/disable-protection", 202)["job_id"]
    for what in ("retry", "resume"):
        refused = ask("POST", f"/jobs/{job}/{what}", 403, headers=operator)["error"]
        assert "disable_protection" in refused["message"]
        assert ask("POST", f"/jobs/{job}/{what}", 409)["error"]["code"] == "not-possible-now"
    assert ask("POST", f"/jobs/{job}/cancel", 409, headers=operator)["error"]["code"] == "not-possible-now"


def test_a_site_that_a_token_is_limited_to_is_not_deleted_under_it(ask, tokens):
    for appliance in ask("GET", "/appliances"):
        ask("DELETE", f"/appliances/{appliance['id']}", 204)
    assert "secondsite token delete" in ask("DELETE", "/sites/a", 409)["error"]["do"]
    ask("DELETE", "/sites/b", 204)


def test_tokens_need_a_role_that_fits_and_a_site_that_is_there(ask):
    for body in (
        {"name": "t"},
        {"name": "t", "roles": []},
        {"name": "t", "roles": ["root"]},
        {"name": "t", "roles": ["access_administrator"], "site": "a"},
    ):
        ask("POST", "/tokens", 422, json=body)
    ask("POST", "/tokens", 404, json={"name": "t", "roles": ["reader"], "site": "nowhere"})
    assert permissions.NEEDS["POST /tokens"] == Permission.MANAGE_ACCESS
