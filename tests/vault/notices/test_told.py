"""What happens is told: once, to everybody who wants it, and a crowd of it together."""

import json
from datetime import UTC, datetime

import pytest

from rig.eventually import eventually
from tests.support.vault import Dialler, machine, two_sites

__all__ = ["two_sites"]
pytestmark = pytest.mark.slow
MANY = 1000


def protect(vault, two_sites, count=1, **changes):
    source, target = two_sites
    sides = {"source_appliance_id": source.id, "target_appliance_id": target.id}
    with vault.store.transaction() as tx:
        for number in range(count):
            name = f"web{number:04}"
            now = datetime.now(UTC)
            tx.machines.add(machine(f"id-{name}", name, created_at=now, **sides, **changes))


def notices(posts):
    return [
        (group["kind"], group["code"], each["about"])
        for post in posts
        for group in json.loads(post.body)["groups"]
        for each in group["notices"]
    ]


def test_a_thousand_machines_that_get_unreachable_at_once_are_one_mail(
    vault, two_sites, tell, mail_server, looks
):
    server = mail_server()
    protect(vault, two_sites, MANY)
    with Dialler(two_sites[0]), Dialler(two_sites[1]):
        tell("ops", pace_seconds=5, **server.target())
        wait_for_looks(looks, 2)
        assert server.mails == []
    eventually(lambda: server.mails, within_seconds=30)
    wait_for_looks(looks, 5)
    (mail,) = server.mails
    assert mail["subject"] == "[secondsite vault] CRITICAL 1000 machines: appliance-unreachable"
    text = mail.get_content()
    assert "web0000, web0001" in text
    assert "and 980 more" in text
    assert "What to do: Start the appliance" in text
    assert len(text) < 5000


def wait_for_looks(looks, more=3):
    """The vault looks so often anew."""
    enough = len(looks) + more
    eventually(lambda: len(looks) >= enough, within_seconds=20)


def test_a_finding_is_told_when_it_comes_and_when_it_is_over_and_not_in_between(
    vault, two_sites, tell, web_server, looks
):
    server = web_server()
    protect(vault, two_sites)
    tell("hook", **server.target())
    eventually(lambda: notices(server.posts), within_seconds=20)
    with Dialler(two_sites[0]), Dialler(two_sites[1]):
        eventually(lambda: len(notices(server.posts)) == 2, within_seconds=20)
    told = notices(server.posts)
    assert told == [
        ("finding", "appliance-unreachable", "web0000"),
        ("finding-gone", "appliance-unreachable", "web0000"),
    ]


def test_one_that_flaps_is_told_once_and_then_when_the_interval_is_over(
    vault, two_sites, tell, web_server, looks
):
    server = web_server()
    protect(vault, two_sites)
    tell("hook", repeat_seconds=6, **server.target())
    eventually(lambda: notices(server.posts), within_seconds=20)
    for _ in range(3):
        with Dialler(two_sites[0]), Dialler(two_sites[1]):
            wait_for_looks(looks)
        wait_for_looks(looks)
    assert [each[0] for each in notices(server.posts)] == ["finding", "finding-gone"]
    eventually(lambda: len(notices(server.posts)) == 3, within_seconds=20)
    last = json.loads(server.posts[-1].body)["groups"][0]
    assert last["kind"] == "finding-again"
    assert "3 times more" in last["notices"][0]["what"]
    assert "is there now" in last["notices"][0]["what"]


def test_who_wants_only_what_is_critical_is_told_no_warnings_and_a_site_that_is_told_late_is_told_all(
    vault, two_sites, tell, web_server, looks
):
    warned, critical = web_server(), web_server()
    protect(vault, two_sites)
    tell("critical", wanted={"findings": "critical"}, **critical.target())
    tell("none", wanted={"findings": None}, **warned.target())
    eventually(lambda: notices(critical.posts), within_seconds=20)
    assert warned.posts == []
    changed = {**warned.target(), "wanted": {"findings": "warning"}, "pace_seconds": 0}
    assert vault.rest.put("/api/notices/targets/none", json=changed).status_code == 200
    eventually(lambda: notices(warned.posts), within_seconds=20)


def test_jobs_that_fail_are_told_and_others_to_who_wants_all_ends_each_once(
    vault, two_sites, tell, web_server, looks
):
    failed, ended = web_server(), web_server()
    protect(vault, two_sites)
    nothing = {"findings": None, "approvals": False}
    tell("failed", wanted={**nothing, "jobs": "failed"}, **failed.target())
    tell("ended", wanted={**nothing, "jobs": "ended"}, **ended.target())
    tell("drills", wanted={**nothing, "jobs": "ended", "verbs": ["test_failover"]}, **ended.target())
    job = vault.rest.post("/api/machines/web0000/failover", json={}).json()["job_id"]
    eventually(
        lambda: vault.rest.get(f"/api/jobs/{job}").json()["state"] in ("failed", "succeeded"),
        within_seconds=60,
    )
    eventually(lambda: failed.posts and ended.posts, within_seconds=20)
    vault.running.notices.hear_of_job(None)
    wait_for_looks(looks)
    assert notices(failed.posts) == [("job", "failover", "web0000")]
    assert notices(ended.posts) == [("job", "failover", "web0000")]
    (group,) = json.loads(failed.posts[0].body)["groups"]
    assert group["severity"] == "critical"
    assert group["notices"][0]["job_id"] == job
    assert group["notices"][0]["do"]


def test_a_request_that_waits_for_a_second_person_is_told_once_with_when_it_is_too_late(
    vault, tell, web_server, looks
):
    server = web_server()
    everything = {"roles": ["contributor", "access_administrator"], "valid_seconds": None}
    tokens = [
        vault.rest.post("/api/tokens", json={"name": name, **everything}).json()["token"]
        for name in ("anna", "bob")
    ]
    tell("hook", **server.target())
    assert vault.rest.put("/api/approvals/settings", json={"verbs": ["create_site"]}).status_code == 200
    asked = vault.rest.post(
        "/api/sites", json={"name": "x"}, headers={"Authorization": f"Bearer {tokens[0]}"}
    )
    assert asked.json()["error"]["code"] == "approval-needed"
    eventually(lambda: server.posts, within_seconds=20)
    wait_for_looks(looks)
    assert notices(server.posts) == [("approval", "create_site", "request 1")]
    (group,) = json.loads(server.posts[0].body)["groups"]
    assert group["notices"][0]["until"]
