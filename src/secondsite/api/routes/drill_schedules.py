"""Routes: schedules of test failovers."""

from http import HTTPStatus

from fastapi import Response

from ...wire.rest import JobAccepted
from ...wire.rest import drill_schedules as rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import ScheduleName

router = guarded("drills")


@router.get("/drills/schedules")
def list_drill_schedules(vault: Vault, paging: Paging) -> rest.DrillSchedulePage:
    """The test failovers that the vault starts by itself, by name, with their last results."""
    items, following = by_name(vault.drill_schedules.list(), paging)
    return rest.DrillSchedulePage(items=items, next=following)


@router.post(
    "/drills/schedules",
    status_code=HTTPStatus.CREATED,
    responses=answers(HTTPStatus.CREATED, LOCATION, ETAG),
)
def create_drill_schedule(
    vault: Vault, response: Response, once: OnceHeader, request: rest.DrillScheduleCreate
) -> rest.DrillSchedule:
    """Creates a schedule by which machines, or those of a plan, are drilled every so many days. Needs
    approval where test failovers need it."""
    made = tag(response, vault.drill_schedules.create(request, once))
    locate(response, "drills", "schedules", made.name)
    return made


@router.get("/drills/schedules/{schedule}", responses=answers(HTTPStatus.OK, ETAG))
def show_drill_schedule(vault: Vault, response: Response, schedule: ScheduleName) -> rest.DrillSchedule:
    """One schedule: when its next turn is, what it started last, and what kept it from starting."""
    return tag(response, vault.drill_schedules.show(schedule))


@router.put("/drills/schedules/{schedule}", responses=answers(HTTPStatus.OK, ETAG))
def update_drill_schedule(
    vault: Vault,
    response: Response,
    schedule: ScheduleName,
    seen: IfMatch,
    request: rest.DrillScheduleChange,
) -> rest.DrillSchedule:
    """Replaces all settings of a schedule; with `paused` it starts nothing."""
    return tag(response, vault.drill_schedules.update(schedule, request, seen))


@router.delete("/drills/schedules/{schedule}", status_code=HTTPStatus.NO_CONTENT)
def delete_drill_schedule(vault: Vault, schedule: ScheduleName, seen: IfMatch) -> None:
    """Deletes a schedule; jobs that it has started go on."""
    vault.drill_schedules.delete(schedule, seen)


@router.post(
    "/drills/schedules/{schedule}/run",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def run_drill_schedule(
    vault: Vault, response: Response, once: OnceHeader, schedule: ScheduleName
) -> JobAccepted:
    """Runs a schedule now, even while it is paused; its next turn is counted from now."""
    accepted = vault.drill_schedules.run(schedule, once)
    locate(response, "jobs", accepted.job_id)
    return accepted
