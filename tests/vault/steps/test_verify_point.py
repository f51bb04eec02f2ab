"""A recovery point is read again as a job; one that rotted fails it and is not picked."""

from datetime import UTC, datetime

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.wire import rest
from secondsite.wire.common.base import Problem
from secondsite.wire.control.orders import Kind
from tests.support.vault import Dialler, machine, point, replica_status, source_status


def protect(vault, points):
    source, target = vault.enroll("a", "one"), vault.enroll("b", "two")
    now = datetime.now(UTC)
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id, created_at=now))
        tx.statuses.put_source(source_status(sent_at=now, last_seq=9), now)
        tx.statuses.put_replica(replica_status(points=points), now)
    return target


def verified(vault, target, report):
    """The job's end, with the target's appliance answering `report`."""
    with Dialler(target, {Kind.VERIFY_POINT.value: lambda order: report}) as dialler:
        eventually(lambda: vault.running.control.is_connected(target.id))
        answer = vault.rest.post("/api/machines/web01/points/p1/verify")
        assert answer.status_code == 202, answer.text
        path = f"/api/jobs/{answer.json()['job_id']}"
        job = eventually(lambda: ended(vault.rest.get(path).json()))
        assert [order.payload for order in dialler.orders if order.kind == Kind.VERIFY_POINT] == [
            {"point_id": "p1"}
        ]
    return rest.Job.model_validate(job)


def ended(job):
    return job if job["state"] not in ("queued", "running", "waiting") else None


def test_a_point_is_verified_by_a_job_that_moves_nothing(vault):
    target = protect(vault, [point(1)])
    job = verified(vault, target, {"sentence": "point p1 is what was sealed"})
    assert (job.state, job.tasks[0].sentence) == ("succeeded", "point p1 is what was sealed")
    assert vault.rest.get("/api/machines/web01").json()["state"] == "protected"


@pytest.mark.slow
def test_a_point_that_rotted_fails_the_job_with_what_to_do(vault):
    target = protect(vault, [point(1)])
    job = verified(vault, target, {"problem": Problem.of(errors.PointDamaged("Not as it was sealed."))})
    assert (job.state, job.problem.code) == ("failed", "point-damaged")
    assert "point list" in job.problem.do


def test_an_unknown_point_is_not_found(vault):
    protect(vault, [point(1)])
    answer = vault.rest.post("/api/machines/web01/points/p9/verify")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


def test_what_is_possible_passes_over_a_damaged_point_and_says_why_a_named_one_is_not(vault):
    now = datetime.now(UTC)
    protect(vault, [point(1, 60, now), point(2, 30, now, damaged=True, verified_at=now)])

    def possible(**query):
        return rest.RecoveryPreview.model_validate(
            vault.rest.get("/api/machines/web01/preview", params=query).json()
        )

    assert possible(choice="latest_processed").point.id == "p1"
    refused = possible(choice="custom", point="p2")
    assert (refused.point, refused.problem.code) == (None, "point-damaged")
    assert [each["damaged"] for each in vault.rest.get("/api/machines/web01/points").json()["items"]] == [
        True,
        False,
    ]
