"""secondsite job ..."""

from typing import Annotated

import typer

from ...client import VaultClient
from ...wire import rest
from .. import follow as following
from .. import output
from ..options import Json, connect
from ..output import clock, span

app = typer.Typer(no_args_is_help=True, help="Jobs: what was started, how far it is, what it said.")
SHORT = 10
"""So many characters of a job's id are shown, and are enough to name it."""
JobId = Annotated[str, typer.Argument(help="Id of the job, or its beginning.", show_default=False)]


@app.command("list")
def show_list(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="running, waiting, failed, succeeded, ...")] = None,
    machine: Annotated[str | None, typer.Option(help="Only jobs of this machine.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 30,
    as_json: Json = False,
) -> None:
    """Jobs, newest first."""
    with connect(context) as client:
        jobs = client.jobs(state, machine, limit)
    if as_json:
        output.show_json(jobs)
        return
    output.show_table(
        jobs,
        (
            ("id", lambda j: j.id[:SHORT]),
            ("verb", lambda j: j.verb),
            ("machine", lambda j: j.subject_name),
            ("state", lambda j: j.state),
            ("started", lambda j: clock(j.started_at)[5:-1]),
            ("took", _took),
            ("result", lambda j: j.problem.message if j.problem else j.sentence),
        ),
        "No jobs yet.",
    )


def _took(job: rest.JobShape) -> str:
    if job.started_at is None or job.ended_at is None:
        return "-"
    return span((job.ended_at - job.started_at).total_seconds())


@app.command()
def show(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """A job's tasks with their sentences, times and problems."""
    with connect(context) as client:
        found = client.job(job)
        if as_json:
            output.show_json(found)
            return
        _show_tree(client, found, indent="")


def _show_tree(client: VaultClient, job: rest.JobShape, indent: str) -> None:
    output.console.print(
        f"{indent}{job.verb} of {job.subject_name or '-'}: {job.state} ({_took(job)})", markup=False
    )
    for task in job.tasks:
        seconds = (
            (task.ended_at - task.started_at).total_seconds() if task.ended_at and task.started_at else None
        )
        text = task.problem.message if task.problem else task.sentence
        line = f"{indent}  {task.state:10} {task.name} ({span(seconds)}): {text}"
        output.console.print(line, markup=False)
    if job.problem:
        output.console.print(f"{indent}  do: {job.problem.do}", markup=False)
    for child in job.children:
        _show_tree(client, client.job(child), indent + "  ")


@app.command()
def follow(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Watch a job until it ends; the exit code is the job's."""
    with connect(context) as client:
        ended = following.follow(client, job, as_json)
    raise typer.Exit(following.require_success(ended))


@app.command()
def cancel(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Ask a job to stop at its next boundary and to undo what it did. Failovers cannot be cancelled."""
    with connect(context) as client:
        _show_one(client.cancel_job(job), as_json)


@app.command()
def retry(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Run a failed job again from the task that failed."""
    with connect(context) as client:
        _show_one(client.retry_job(job), as_json)


def _show_one(job: rest.JobShape, as_json: bool) -> None:
    if as_json:
        output.show_json(job)
    else:
        output.console.print(f"{job.verb} of {job.subject_name}: {job.state}; secondsite job follow {job.id}")
