"""Routes: recovery points of a machine."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response

from ...domain.lifecycle import Verb
from ...domain.points import RecoveryPointChoice
from ...wire import rest
from ...wire.common import points
from ...wire.common.guest_files import GuestFiles
from ...wire.common.numbers import Instant
from ...wire.common.points import PointShape
from ...wire.rest.choices import RecoveryChoices
from ...wire.rest.predictions import Prediction, ReprotectPreview
from ..access import Caller, Vault
from ..headers import LOCATION, OnceHeader, answers, locate
from ..routers import guarded
from ..way_answer import FilesAnswer, require_ends
from .names import MachineName, PointId

router = guarded("points")


@router.get("/machines/{machine}/points")
def list_points(
    vault: Vault, machine: MachineName, query: Annotated[rest.PointQuery, Query()]
) -> rest.PointPage:
    """The machine's recovery points, newest first."""
    return vault.points.list(machine, query)


@router.put("/machines/{machine}/points/{point}/hold")
def hold_point(vault: Vault, machine: MachineName, point: PointId, request: rest.PointHold) -> PointShape:
    """Holds a point: it is kept, whatever retention says, until it is released."""
    return vault.holds.hold(machine, point, request.reason)


@router.delete("/machines/{machine}/points/{point}/hold")
def release_point(
    vault: Vault, machine: MachineName, point: PointId, query: Annotated[rest.PointRelease, Query()]
) -> PointShape:
    """Releases a point: retention decides about it again."""
    return vault.holds.release(machine, point, query.reason)


@router.post(
    "/machines/{machine}/points/{point}/verify",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def verify_point(
    vault: Vault, caller: Caller, response: Response, once: OnceHeader, machine: MachineName, point: PointId
) -> rest.JobAccepted:
    """Reads a point at the target and compares it with what was sealed; the result marks the point."""
    accepted = vault.points.verify(machine, point, caller, once)
    locate(response, "jobs", accepted.job_id)
    return accepted


@router.post(
    "/machines/{machine}/points/{point}/boot",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def boot_point(
    vault: Vault,
    caller: Caller,
    response: Response,
    once: OnceHeader,
    machine: MachineName,
    point: PointId,
    request: rest.PointBoot,
) -> rest.JobAccepted:
    """Boots a copy from a point at the target, looks at it and removes it; the result grades the point. No
    drill is opened."""
    accepted = vault.points.boot(machine, point, request, caller, once)
    locate(response, "jobs", accepted.job_id)
    return accepted


@router.post(
    "/machines/{machine}/points/{point}/restore",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def restore_copy(
    vault: Vault,
    caller: Caller,
    response: Response,
    once: OnceHeader,
    machine: MachineName,
    point: PointId,
    request: rest.PointRestore,
) -> rest.JobAccepted:
    """Makes a machine of its own from a point, at the target's site, under another name; the protected one
    runs on."""
    accepted = vault.points.restore(machine, point, request, caller, once)
    locate(response, "jobs", accepted.job_id)
    return accepted


@router.post("/machines/{machine}/points/{point}/list-files")
def list_files(
    vault: Vault, machine: MachineName, point: PointId, request: rest.PointFilesList
) -> GuestFiles:
    """The files of a folder in a point, read by a machine of the target's own. That takes seconds, and stands
    in the audit log."""
    return vault.point_files.list(machine, point, request)


@router.post(
    "/machines/{machine}/points/{point}/fetch-files",
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(HTTPStatus.ACCEPTED, LOCATION),
)
def fetch_files(
    vault: Vault,
    caller: Caller,
    response: Response,
    once: OnceHeader,
    machine: MachineName,
    point: PointId,
    request: rest.PointFilesFetch,
) -> rest.JobAccepted:
    """Writes a file of a point, or a folder with all below it, into a folder of the target's host."""
    accepted = vault.point_files.fetch(machine, point, request, caller, once)
    locate(response, "jobs", accepted.job_id)
    return accepted


@router.post(
    "/machines/{machine}/points/{point}/send-files",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"application/x-tar": {}}, "description": "The archive."}},
)
def send_files(
    vault: Vault, asking: Request, machine: MachineName, point: PointId, request: rest.PointFilesSend
) -> Response:
    """Sends a file of a point, or a folder with all below it, as a tar archive, while it is read; nothing is
    kept of it. One that cannot be sent whole is cut off: its answer has no end. By HTTP/1.0, where that
    is not seen, it is refused."""
    require_ends(asking.scope)
    return FilesAnswer(vault.point_files.send(machine, point, request))


@router.get("/machines/{machine}/preview")
def preview_recovery(
    vault: Vault,
    machine: MachineName,
    choice: Annotated[
        RecoveryPointChoice, Query(description="How the point is chosen.")
    ] = RecoveryPointChoice.LATEST,
    point: Annotated[
        points.PointId | None, Query(description="With the choice custom: the id of the point.")
    ] = None,
    at: Annotated[
        Instant | None,
        Query(
            description="The newest processed cycle at or before this time; instead of a point or a choice."
        ),
    ] = None,
) -> rest.RecoveryPreview:
    """The point that this choice would pick now, and what it would lose. Starts nothing."""
    return vault.points.preview(machine, choice, point, at)


@router.get("/machines/{machine}/choices")
def list_choices(
    vault: Vault,
    machine: MachineName,
    verb: Annotated[
        Verb,
        Query(description="failover, test_failover, change_recovery_point or planned_failover."),
    ] = Verb.FAILOVER,
) -> RecoveryChoices:
    """Exactly the choices of a recovery point that the machine has now, with what each would start from
    and lose. Starts nothing."""
    return vault.choices.list(machine, verb)


@router.get("/machines/{machine}/prediction")
def predict_time(
    vault: Vault,
    machine: MachineName,
    verb: Annotated[
        Verb, Query(description="test_failover, failover or planned_failover (also the way back).")
    ] = Verb.FAILOVER,
) -> Prediction:
    """How long this verb will take until the machine runs, from former runs. Starts nothing."""
    return vault.predictions.of_machine(machine, verb)


@router.get("/machines/{machine}/reprotect-preview")
def preview_reprotect(
    vault: Vault,
    machine: MachineName,
    location: Annotated[
        rest.Location, Query(description="original: onto the old disks; alternate: a full copy.")
    ] = rest.Location.ORIGINAL,
    target_appliance: Annotated[
        str | None,
        Query(
            description="With alternate: the name or id of the appliance. Default: the one that had the machine."  # noqa: E501
        ),
    ] = None,
) -> ReprotectPreview:
    """What would prevent a reprotect, what it would send, and how long it would take; both sites are asked.
    Starts nothing."""
    return vault.returns.preview(machine, location, target_appliance)
