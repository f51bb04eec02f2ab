"""The REST face, on a whole vault in this process."""

import dataclasses
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire import control, rest
from tests.support.vault import Dialler, definition, point, replica_status, request_for, source_status


@pytest.mark.slow
def test_every_call_but_eleven_needs_a_token(vault):
    open_calls = {
        "get /api/health", "get /api/ready", "post /api/enroll", "get /api/ca", "post /api/session",
        "post /api/logins", "post /api/logins/poll",
        "get /api/log-in", "post /api/log-in/begin", "post /api/log-in/finish",
        "post /api/session/question",
    }  # fmt: skip
    stranger = {"Authorization": ""}
    for path, methods in vault.app.openapi()["paths"].items():
        for method in methods:
            filled = path.replace("{", "").replace("}", "")
            answer = vault.rest.request(method.upper(), filled, headers=stranger)
            if f"{method} {path}" in open_calls:
                assert answer.status_code != 401, path
            else:
                assert answer.status_code == 401, path
                assert "token" in answer.json()["error"]["do"]
                assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_that_was_removed_opens_nothing_and_the_last_one_stays(ask, vault):
    made = ask("POST", "/tokens", 201, json={"name": "robot", "roles": ["contributor"]})
    robot = {"Authorization": f"Bearer {made['token']}"}
    assert vault.rest.get("/api/vault", headers=robot).status_code == 200
    assert [token["name"] for token in ask("GET", "/tokens")] == ["admin", "robot"]
    assert made["token"] not in json.dumps(ask("GET", "/tokens"))
    ask("DELETE", "/tokens/robot", 204)
    assert vault.rest.get("/api/vault", headers=robot).status_code == 401
    assert ask("DELETE", "/tokens/admin", 409)["error"]["code"] == "not-possible-now"


def test_the_vault_says_what_it_is(ask, two_sites, vault):
    shown = ask("GET", "/vault")
    assert (shown["sites"], shown["appliances"], shown["database"]) == (2, 2, "sqlite")
    assert shown["ca_fingerprint"] == vault.made.ca_fingerprint


def test_a_site_with_an_appliance_stays_until_it_is_empty(ask, vault):
    identity = vault.enroll("a")
    assert ask("GET", "/sites/a")["appliances"] == [identity.id]
    assert ask("DELETE", "/sites/a", 409)["error"]["code"] == "not-possible-now"
    ask("DELETE", f"/appliances/{identity.id}", 204)
    ask("DELETE", "/sites/a", 204)
    assert ask("GET", "/sites/a", 404)["error"]["code"] == "not-found"
    ask("POST", "/sites", 422, json={"name": "Not A Name"})
    ask("POST", "/sites", 201, json={"name": "b"})
    ask("POST", "/sites", 409, json={"name": "b"})


def test_a_registration_key_enrolls_once_and_a_bad_request_does_not_use_it_up(ask):
    ask("POST", "/sites", 201, json={"name": "a"})
    made = ask("POST", "/sites/a/registration-key", 201)
    assert len(made["key"].replace("-", "")) == 40
    body = {"key": made["key"], "name": "one", "csr_pem": "nonsense"}
    ask("POST", "/enroll", 422, json=body)
    body["csr_pem"] = request_for("one")[1]
    answer = ask("POST", "/enroll", json=body)
    assert (answer["site"], answer["control_url"][:6]) == ("a", "wss://")
    refused = ask("POST", "/enroll", 403, json=body)["error"]
    assert (refused["code"], "Make a new registration key" in refused["do"]) == ("registration-refused", True)
    ask("POST", "/sites/nowhere/registration-key", 404)


def test_errors_have_one_shape_whoever_found_them(ask):
    assert ask("GET", "/nothing-here", 404)["error"]["code"] == "not-found"
    assert ask("PATCH", "/sites", 405)["error"]["code"] == "invalid-argument"
    wrong = ask("POST", "/machines/failover", 422, json={"machines": [], "choice": "yesterday"})["error"]
    assert wrong["code"] == "invalid-argument"
    assert "machines" in wrong["message"]
    assert "choice" in wrong["message"]
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert ask("POST", "/sites", 400, **broken)["error"]["code"] == "invalid-argument"
    assert ask("POST", "/sites", 422, json=["a"])["error"]["code"] == "invalid-argument"


def test_a_policy_has_a_read_only_twin_and_stays_while_it_is_used(ask, protected):
    values = {"name": "fast", "rpo_threshold_seconds": 60, "cycle_seconds": 1}
    made = ask("POST", "/policies", 201, json=values)
    assert made["retention_seconds"] == 86400
    twin = ask("GET", "/policies/fast-failback")
    assert (twin["read_only"], twin["rpo_threshold_seconds"]) == (True, 900)
    ask("PUT", "/policies/fast-failback", 409, json=values)
    ask("DELETE", "/policies/fast-failback", 409)
    ask("POST", "/policies", 409, json=values)
    ask("POST", "/policies", 422, json={**values, "name": "bad", "cycle_seconds": 0})
    assert (
        ask("PUT", "/policies/fast", json={**values, "retention_seconds": 7200})["retention_seconds"] == 7200
    )
    ask("DELETE", "/policies/fast", 204)
    ask("GET", "/policies/fast-failback", 404)
    assert ask("GET", "/policies/default")["used_by"] == 1
    ask("DELETE", "/policies/default", 409)


def threshold_of(order):
    """The RPO threshold that the order tells for m1; None if it tells something else."""
    return order.payload["policy"]["rpo_threshold_seconds"] if order.machine_id == "m1" else None


def test_a_changed_policy_is_told_to_both_appliances_of_its_machines(ask, vault, two_sites, protected):
    with Dialler(two_sites[0]) as source, Dialler(two_sites[1]) as target:
        eventually(lambda: all(vault.running.control.is_connected(each.id) for each in two_sites))
        ask("PUT", "/policies/default", json={"name": "default", "rpo_threshold_seconds": 60})
        for dialler in (source, target):
            eventually(lambda told=dialler.told: 60 in [threshold_of(order) for order in list(told)])


def test_networks_are_mapped_from_one_site_to_another(ask, two_sites):
    mapping = {"source_site": "a", "source_network": "lan", "target_site": "b", "target_network": "lan-b"}
    assert ask("PUT", "/networks/mappings", json=mapping) == mapping
    ask("PUT", "/networks/mappings", 404, json={**mapping, "target_site": "nowhere"})
    ask("PUT", "/networks/mappings", 422, json={**mapping, "target_site": "a"})
    assert ask("GET", "/networks/mappings") == [mapping]
    shown = ask("GET", "/networks")
    assert [(each["site"], len(each["mappings"])) for each in shown] == [("a", 1), ("b", 0)]
    assert ask("GET", "/networks", 503, params={"site": "a"})["error"]["code"] == "appliance-unreachable"
    which = {key: mapping[key] for key in ("source_site", "source_network", "target_site")}
    ask("DELETE", "/networks/mappings", 204, params=which)
    ask("DELETE", "/networks/mappings", 404, params=which)


def test_a_protected_machine_shows_its_rpo_its_health_and_what_is_possible(ask, protected):
    shown = rest.Machine.model_validate(ask("GET", "/machines/web01"))
    assert shown.rpo.seconds is not None
    assert shown.rpo.sent_seconds is not None
    assert shown.points.newest is not None
    assert 30 <= shown.rpo.seconds < 40
    assert shown.rpo.sent_seconds < 10
    assert (shown.points.count, shown.points.newest.id, shown.direction) == (2, "p2", "forward")
    assert shown.allowed_operations == ("disable_protection",)
    reasons = {each.operation.value: each.why for each in shown.refused_operations}
    assert reasons["failover"] == "The appliance of site b is not connected."
    assert reasons["commit"].startswith("It is protected; this begins only where a machine is ")
    assert len(reasons) == len(Verb) - 1
    assert [finding.code for finding in shown.findings] == ["appliance-unreachable"] * 2
    assert shown.health == "critical"
    assert shown.disks == (rest.Disk(key="vda", size_bytes=1 << 30, protected=True),)
    assert [each["id"] for each in ask("GET", "/machines")["items"]] == ["m1"]
    assert ask("GET", "/machines/web99", 404)["error"]["do"]


def test_machines_that_could_be_protected_are_listed_when_asked(ask, vault, two_sites, protected):
    def line(fabric_id, name, tag=None):
        shape = definition(fabric_id, name).model_dump(mode="json")
        return {"fabric_id": fabric_id, "name": name, "power": "running", "tag": tag, "definition": shape}

    found = [line("f-m1", "web01", "m1"), line("f-9", "db01"), line("f-10", "drill", "m1")]
    answers = {"discover": lambda order: {"facts": {"machines": found, "networks": []}}}
    with Dialler(two_sites[0], answers):
        eventually(lambda: vault.running.control.is_connected(two_sites[0].id))
        seen = {each["site"]: each for each in ask("GET", "/discovery")}
        (other,) = seen["a"]["machines"]
        assert (other["name"], other["state"]) == ("db01", "unprotected")
        assert other["allowed_operations"] == ["enable_protection"]
        assert len(ask("GET", "/sites/a/inventory")["machines"]) == 3


def test_a_site_that_is_away_shows_what_it_had_when_it_was_asked_last(ask, vault, two_sites):
    machine = {
        "fabric_id": "f-9", "name": "db01", "power": "running", "tag": None,
        "definition": definition("f-9", "db01").model_dump(mode="json"),
    }  # fmt: skip
    facts = {"machines": [machine], "networks": [{"name": "lan", "kind": "bridge"}]}
    with Dialler(two_sites[0], {"discover": lambda order: {"facts": facts}}):
        eventually(lambda: vault.running.control.is_connected(two_sites[0].id))
        (now,) = ask("GET", "/networks", params={"site": "a"})
        assert (now["problem"], now["seen_at"]) == (None, None)
    eventually(lambda: not vault.running.control.is_connected(two_sites[0].id))
    (then,) = ask("GET", "/networks", params={"site": "a"})
    assert (then["networks"], then["problem"]["code"]) == (now["networks"], "appliance-unreachable")
    assert ask("GET", "/sites/a/inventory")["seen_at"] == then["seen_at"] is not None
    found = {each["site"]: each for each in ask("GET", "/discovery")}
    assert [each["name"] for each in found["a"]["machines"]] == ["db01"]
    assert (found["b"]["machines"], found["b"]["seen_at"]) == ([], None)
    assert found["b"]["problem"]["code"] == "appliance-unreachable"
    ask("GET", "/discovery", 503, params={"site": "b"})
    ask("GET", "/discovery", 404, params={"site": "nowhere"})
    assert found["a"]["machines"][0]["seen_at"] == then["seen_at"]


def test_points_are_listed_newest_first_and_a_choice_says_what_it_would_lose(ask, protected):
    assert [each["id"] for each in ask("GET", "/machines/web01/points")["items"]] == ["p2", "p1"]
    ready = ask("GET", "/machines/web01/preview", params={"choice": "latest_processed"})
    assert ready["point"]["id"] == "p2"
    assert 30 <= ready["loses_seconds"] < 40
    latest = ask("GET", "/machines/web01/preview", params={"choice": "latest"})
    assert (latest["point"]["seq"], latest["loses_seconds"] < 10) == (9, True)
    none = ask("GET", "/machines/web01/preview", params={"choice": "latest_app_consistent"})
    assert (none["point"], none["problem"]["code"]) == (None, "not-found")
    at = "2026-11-20T08:15:30Z"
    cycle = ask("GET", "/machines/web01/preview", params={"at": at})
    assert (cycle["choice"], cycle["point"], cycle["problem"]["code"]) == (
        "custom",
        None,
        "appliance-unreachable",
    )
    ask("GET", "/machines/web01/preview", 422, params={"at": at, "point": "p1"})
    ask("GET", "/machines/web01/preview", 422, params={"at": at, "choice": "latest_processed"})
    ask("GET", "/machines/web01/preview", 422, params={"at": "2026-11-20T08:15:30"})
    custom = ask("GET", "/machines/web01/preview", params={"choice": "custom", "point": "p1"})
    assert custom["point"]["id"] == "p1"


def previewed_off(vault, ask, last_seq=3, **said):
    """Of a machine that is off since some time in the last ten minutes, with a point of then."""
    now = datetime.now(UTC)
    sent_at = now - timedelta(minutes=10)
    off = source_status(**{"power": "off", "sent_at": sent_at, "last_seq": last_seq, **said})
    with vault.store.transaction() as tx:
        tx.statuses.put_source(off, now)
        tx.statuses.put_replica(replica_status(points=[point(2, 660, now), point(3, 600, now)]), now)
    newest = ask("GET", "/machines/web01/preview", params={"choice": "latest"})
    older = ask("GET", "/machines/web01/preview", params={"choice": "custom", "point": "p2"})
    assert (newest["point"]["seq"], older["point"]["seq"]) == (last_seq, 2)
    return round(newest["loses_seconds"]), round(older["loses_seconds"])


def test_what_a_machine_wrote_before_it_was_switched_off_may_not_have_been_sent(vault, ask, protected):
    assert previewed_off(vault, ask) == (600, 660)
    assert previewed_off(vault, ask, last_seq=4) == (600, 660)


def test_a_machine_that_is_off_and_completely_sent_loses_nothing(vault, ask, protected):
    assert previewed_off(vault, ask, all_sent=True) == (0, 60)
    just_looked = datetime.now(UTC)
    assert previewed_off(vault, ask, all_sent=True, last_seq=4, sent_at=just_looked)[0] == 0
    assert previewed_off(vault, ask, all_sent=True, sent_at=just_looked)[0] == 0


def test_latest_names_no_point_that_nobody_will_make_of_a_machine_that_rests(vault, ask, protected):
    now = datetime.now(UTC)
    rests = source_status(sent_at=now, last_seq=2)
    with vault.store.transaction() as tx:
        tx.statuses.put_source(rests, now)
    sealed = ask("GET", "/machines/web01/preview", params={"choice": "latest"})
    assert sealed["point"]["id"] == "p2"
    assert sealed["loses_seconds"] >= 30
    damaged = replica_status(points=[point(1, 60, now), point(2, 30, now, damaged=True)])
    with vault.store.transaction() as tx:
        tx.statuses.put_replica(damaged, now)
    usable = ask("GET", "/machines/web01/preview", params={"choice": "latest"})
    assert usable["point"]["id"] == "p1"


def failed_over(vault, state, minutes_ago):
    with vault.store.transaction() as tx:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), state=state, failed_over_at=at))


def test_what_a_point_loses_of_a_failed_over_machine_grows_no_more(vault, ask, protected):
    now = datetime.now(UTC)
    with vault.store.transaction() as tx:
        tx.statuses.put_replica(replica_status(points=[point(2, 15 * 60, now)]), now)
    failed_over(vault, State.FAILED_OVER, minutes_ago=10)
    shown = ask("GET", "/machines/web01/preview", params={"choice": "latest_processed"})
    assert round(shown["loses_seconds"]) == 5 * 60


def test_of_a_committed_machine_nothing_can_be_chosen_until_it_is_protected_again(vault, ask, protected):
    failed_over(vault, State.COMMITTED, minutes_ago=10)
    for asked in ({"choice": "latest"}, {"choice": "latest_processed"}, {"at": "2026-11-20T08:15:30Z"}):
        problem = ask("GET", "/machines/web01/preview", params=asked)["problem"]
        assert (problem["code"], "reprotect web01" in problem["do"]) == ("not-possible-now", True)


@pytest.mark.slow
def test_a_verb_that_is_not_possible_now_says_what_is(ask, protected):
    refused = ask("POST", "/machines/commit", 409, json={"machines": ["web01"]})["error"]
    assert refused["code"] == "not-possible-now"
    assert "failover" in refused["do"]
    assert ask("GET", "/machines/web01")["state"] == "protected"


def test_a_verb_takes_one_machine_in_its_path_or_several_in_its_body(ask, vault, protected):
    refused = ask("POST", "/machines/web01/commit", 409)["error"]
    assert refused == ask("POST", "/machines/commit", 409, json={"machines": ["web01"]})["error"]
    ask("POST", "/machines/web01/exclude-disk", 422)
    ask("POST", "/machines/web01/failover", 422, json={"choice": "yesterday"})
    ask("POST", "/machines/nothing/failover", 404)
    answer = vault.rest.post("/api/machines/web01/failover", json={"choice": "latest"})
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/jobs/{answer.json()['job_id']}")
    job = vault.rest.get(answer.headers["location"]).json()
    assert (job["verb"], job["subject_name"]) == ("failover", "web01")


def test_a_verb_answers_with_its_job_which_can_be_followed_to_its_end(ask, vault, two_sites, protected):
    """Nobody answers at either site, so the failover's first order is what is seen; then the target
    refuses."""
    problem = {"code": "store-full", "message": "no space", "do": "make some"}
    seen = threading.Event()

    def refuse(_order):
        assert seen.wait(20)
        return {"problem": problem}

    answers = dict.fromkeys([kind.value for kind in _kinds()], refuse)
    with Dialler(two_sites[1], answers):
        eventually(lambda: vault.running.control.is_connected(two_sites[1].id))
        accepted = ask("POST", "/machines/failover", 202, json={"machines": ["web01"], "choice": "latest"})
        eventually(lambda: ask("GET", "/machines/web01")["state"] == State.FAILING_OVER.value)
        seen.set()
        with vault.rest.stream("GET", f"/api/jobs/{accepted['job_id']}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in stream.iter_lines() if line.startswith("data:")]
    last = rest.Job.model_validate_json(lines[-1].removeprefix("data:"))
    assert (last.state, last.verb, last.problem is not None) == ("failed", "failover", True)
    assert last.requested_by == "admin"
    assert not last.cancelable
    jobs = ask("GET", "/jobs", params={"machine": "web01", "state": "failed"})["items"]
    assert [job["id"] for job in jobs] == [last.id]
    assert ask("GET", f"/jobs/{last.id}")["tasks"]
    assert ask("POST", f"/jobs/{last.id}/cancel", 409)["error"]["do"]


def _kinds():
    from secondsite.wire.control.orders import Kind

    return list(Kind)


def test_a_job_that_is_not_there_is_not_found(ask):
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")):
        assert ask(method, f"/jobs/nothing{path}", 404)["error"]["code"] == "not-found"
    ask("GET", "/jobs", 422, params={"state": "asleep"})


def test_the_lifecycle_is_shown_as_it_is(ask):
    table = ask("GET", "/lifecycle")
    assert {"state": "unprotected", "trigger": "enable_protection", "next": "enabling"}.items() <= table[
        "transitions"
    ][0].items()
    assert len(table["drill"]) == 7


def test_the_openapi_description_names_every_verb_with_its_request(vault):
    paths = vault.app.openapi()["paths"]
    verbs = {
        path.removeprefix("/api/machines/")
        for path in paths
        if "post" in paths[path] and "/machines/" in path and "{" not in path
    }
    assert "planned-failover" in verbs
    assert len(verbs) == len(Verb)
    body = paths["/api/machines/enable-protection"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert body["$ref"].endswith("EnableProtection")


def whole_disks(ask):
    return ask("GET", "/machines/web01")["replication"]["synchronization"]


def test_a_status_is_shown_before_it_is_written(ask, vault, two_sites, protected):
    with Dialler(two_sites[0]) as dialler:
        for fraction in (0.1, 0.5):
            status = source_status(sync_mode="copy", sync_fraction=fraction)
            dialler.say(control.Status(sources=(status,)))
        eventually(lambda: whole_disks(ask) == {"mode": "copy", "fraction": 0.5, "seconds_left": None})
