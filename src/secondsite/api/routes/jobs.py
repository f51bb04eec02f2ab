"""Routes: jobs."""

from typing import Annotated

from fastapi import Query, Response

from ...wire import rest
from ..access import Vault
from ..headers import OnceHeader
from ..prerendered import as_json, written
from ..routers import guarded
from .names import JobId

router = guarded("jobs")
PNG = "image/png"
BINARY = {"type": "string", "format": "binary"}


@router.get("/jobs", response_model=rest.JobPage)
def list_jobs(vault: Vault, query: Annotated[rest.JobQuery, Query()]) -> Response:
    """Jobs, newest first, without their tasks."""
    return as_json(vault.jobs.list_as_json(query))


@router.get("/jobs/{job}", response_model=rest.Job)
def show_job(vault: Vault, job: JobId) -> Response:
    """One job, with its tasks."""
    return written(vault.jobs.show(job))


@router.get(
    "/jobs/{job}/picture", response_class=Response, responses={200: {"content": {PNG: {"schema": BINARY}}}}
)
def picture_of_job(vault: Vault, job: JobId) -> Response:
    """The screen of the machine that the job started, as it was after the start: a PNG."""
    return Response(vault.jobs.picture(job), media_type=PNG)


@router.post("/jobs/{job}/cancel")
def cancel_job(vault: Vault, once: OnceHeader, job: JobId) -> rest.Job:
    """Asks the job to turn back at its next boundary; a held job that cannot turn back ends where it is."""
    return vault.jobs.cancel(job, once)


@router.post("/jobs/{job}/retry")
def retry_job(vault: Vault, once: OnceHeader, job: JobId) -> rest.Job:
    """Runs a failed job again from where it failed."""
    return vault.jobs.retry(job, once)


@router.post("/jobs/{job}/resume")
def resume_job(vault: Vault, once: OnceHeader, job: JobId) -> rest.Job:
    """Lets a held job go on."""
    return vault.jobs.resume(job, once)


@router.post("/jobs/{job}/answer")
def answer_job(vault: Vault, once: OnceHeader, job: JobId, answer: rest.JobAnswer) -> rest.Job:
    """Answers a task that asks a person; the job goes on, or fails, depending on the answer."""
    return vault.jobs.answer(job, answer, once)
