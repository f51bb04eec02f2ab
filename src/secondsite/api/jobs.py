"""Routes: jobs."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from ..wire import rest
from . import events
from .access import Vault

router = APIRouter(tags=["jobs"])


@router.get("/jobs")
def list_jobs(
    vault: Vault,
    state: str | None = None,
    machine: str | None = None,
    limit: int = 50,
    children: bool = True,
) -> Sequence[rest.JobShape]:
    """Newest first, without their tasks; `children=false` leaves out those that another job started."""
    return vault.jobs.list(state, machine, limit, children)


@router.get("/jobs/{job}")
def show_job(vault: Vault, job: str) -> rest.JobShape:
    """With its tasks. Here and below a job may be named by the beginning of its id."""
    return vault.jobs.show(job)


@router.post("/jobs/{job}/cancel")
def cancel_job(vault: Vault, job: str) -> rest.JobShape:
    """Asks the job to turn back at its next boundary."""
    return vault.jobs.cancel(job)


@router.post("/jobs/{job}/retry")
def retry_job(vault: Vault, job: str) -> rest.JobShape:
    """Runs a failed job again from where it failed."""
    return vault.jobs.retry(job)


@router.get("/jobs/{job}/events", response_class=StreamingResponse)
def follow_job(vault: Vault, job: str) -> StreamingResponse:
    """The job (a JobShape) whenever something in its tree changed, until it has ended; server-sent events."""
    lines: AsyncIterator[str] = events.follow(vault, vault.jobs.show(job).id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)
