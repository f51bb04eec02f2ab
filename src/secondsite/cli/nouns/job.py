"""secondsite job ..."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...client import Vault
from ...domain import amounts, errors
from ...domain.amounts import span
from ...wire import rest
from ...wire.common.evidence import Evidence
from .. import children, output, prompts
from .. import follow as following
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock
from ..verbs import predictions

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Jobs: what was started, how far it is, what it said.")
JobId = Annotated[
    str, typer.Argument(help="Id of the job, or its beginning.", metavar="JOB", show_default=False)
]

CONSOLE_LINES = 12


@app.command("list")
def show_list(
    context: typer.Context,
    state: Annotated[
        rest.JobState | None, typer.Option(help="Only jobs in this state.", show_default=False)
    ] = None,
    machine: Annotated[str | None, typer.Option(help="Only jobs of this machine.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Only jobs with this text in the names of their machines.")
    ] = None,
    parent: Annotated[str | None, typer.Option(help="Only jobs that this job started.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 30,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show the jobs that other jobs started, below them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Jobs, newest first. A job for several machines is one line; --all shows each machine's below it."""
    with connect(context) as vault:
        found = vault.jobs.list(
            state=() if state is None else (state,),
            machine=machine,
            children=everything or machine is not None or parent is not None,
            parent=parent,
            search=search,
            page_size=max(1, min(limit, rest.MOST_PER_PAGE)),
        )
        jobs = list(itertools.islice(found, limit))
    if as_json:
        output.show_json(jobs)
        return
    output.show_table(
        list(_below(jobs)),
        (
            ("id", lambda row: row[1].id[: prompts.SHORT]),
            ("verb", lambda row: f"{'└ ' if row[0] else ''}{_verb(row[1])}"),
            ("machine", lambda row: row[1].subject_name),
            ("state", lambda row: "asks" if row[1].waits_for_person else row[1].state),
            ("started", lambda row: clock(row[1].started_at)[5:-1]),
            ("took", lambda row: span(_took(row[1]))),
            ("result", lambda row: row[1].problem.message if row[1].problem else row[1].sentence),
        ),
        "No such jobs."
        if state or machine or parent or search
        else "No jobs yet: secondsite machine enable-protection --help",
    )


def _below(jobs: Sequence[rest.Job]) -> Iterator[tuple[bool, rest.Job]]:
    """Each job, followed by those that it started, in order; the flag says whether a job is such a child."""
    listed = {job.id for job in jobs}
    for job in jobs:
        if job.parent_id in listed:
            continue
        yield False, job
        yield from ((True, child) for child in reversed(jobs) if child.parent_id == job.id)


def _verb(job: rest.Job) -> str:
    return job.verb.replace("_", "-")


def _took(job: rest.Job | rest.Task) -> float | None:
    if job.started_at is None or job.ended_at is None:
        return None
    return (job.ended_at - job.started_at).total_seconds()


@app.command()
def show(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """A job's tasks with their sentences, times and problems."""
    with connect(context) as vault:
        found = vault.jobs[job].show()
        if as_json:
            output.show_json(found)
            return
        output.say(f"job {found.id}, asked for by {found.requested_by} at {clock(found.created_at)}")
        _show_tree(vault, found, indent="")
        if found.timing is not None:
            output.say(f"  {predictions.took(found.timing)}")
        for each in _downtimes(found) if found.timing is None else ():
            output.say(f"  downtime {span(each)}")


def _downtimes(job: rest.Job) -> Sequence[float]:
    """Downtimes in seconds, from the job's tasks: the figures of runs are stored only some seconds after
    their end."""
    known = [task.facts.down_seconds for task in job.tasks]
    return [each for each in known if each is not None]


def _show_tree(vault: Vault, job: rest.Job, indent: str) -> None:
    took = _took(job)
    output.say(
        f"{indent}{_verb(job)} of {job.subject_name or '-'}: {job.state}"
        + (f" in {span(took)}" if took else "")
    )
    for task in job.tasks:
        _show_task(job, task, f"{indent}  ")
    if job.problem:
        output.say(f"{indent}  do: {output.as_typed(prompts.of_its_machine(job, job.problem.do))}")
    if children.are_many(job):
        _show_many(vault, job, indent + "  ")
    else:
        for child in job.children:
            _show_tree(vault, vault.jobs[child].show(), indent + "  ")


def _show_many(vault: Vault, job: rest.Job, indent: str) -> None:
    output.say(
        f"{indent}{children.summary(job)}; each of them: secondsite job list --parent "
        f"{job.id[: prompts.SHORT]}"
    )
    for child in vault.jobs[job.id].children(state=children.NOTABLE):
        output.say(f"{indent}{children.line(child)}")


def _show_task(job: rest.Job, task: rest.Task, indent: str) -> None:
    took = _took(task)
    seconds = f" ({span(took)})" if took is not None else ""
    again = f", attempt {task.attempt}" if task.attempt > 1 else ""
    text = task.problem.message if task.problem else task.sentence
    output.say(f"{indent}{task.state:10} {task.name}{seconds}{again}" + (f": {text}" if text else ""))
    _show_console(task.facts.evidence, indent)
    if task.asks is not None:
        output.say(f"{indent}  asks: {prompts.line(job, task.asks)}")
    if task.answer is not None:
        said = f": {task.answer.note}" if task.answer.note else ""
        output.say(
            f"{indent}  {task.answer.by} answered {task.answer.verdict} at {clock(task.answer.at)}{said}"
        )


@app.command()
def picture(
    context: typer.Context,
    job: JobId,
    out: Annotated[Path, typer.Option(help="The file to write, a PNG.", show_default=False)],
    as_json: Json = False,
) -> None:
    """The screen of the machine that a job started, as it was seen after the start."""
    with connect(context) as vault:
        png = vault.jobs[job].picture()
    try:
        out.write_bytes(png)
    except OSError as error:
        raise errors.InvalidArgument(
            f"{out} cannot be written: {error.strerror}.", do="Give another file with --out."
        ) from error
    if as_json:
        output.show_json({"file": str(out), "bytes": len(png)})
        return
    output.say(f"wrote {out}, {amounts.size(len(png))}")


def _show_console(evidence: Evidence | None, indent: str) -> None:
    """The last lines of a machine's console, as they were seen after its start."""
    lines = (evidence.console or "").splitlines() if evidence is not None else []
    for line in lines[-CONSOLE_LINES:]:
        output.say(f"{indent}  | {output.plain(line)}")


@app.command()
def follow(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Watch a job until it ends; the exit code is the job's. Ctrl-C only stops watching."""
    with connect(context) as vault:
        ended = following.follow(vault, vault.jobs[job], as_json)
    raise typer.Exit(following.require_success(ended))


@app.command()
def cancel(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Ask a job to stop at its next boundary and to undo what it did. Failovers cannot be cancelled,
    unless they are held."""
    with connect(context) as vault:
        _show_one(vault.jobs[job].cancel(), as_json)


@app.command()
def retry(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Run a failed job again from the task that failed."""
    with connect(context) as vault:
        _show_one(vault.jobs[job].retry(), as_json)


@app.command()
def resume(context: typer.Context, job: JobId, as_json: Json = False) -> None:
    """Let a job go on that is held because the vault's database was restored from a backup."""
    with connect(context) as vault:
        _show_one(vault.jobs[job].resume(), as_json)


@app.command()
def answer(
    context: typer.Context,
    job: JobId,
    verdict: Annotated[
        str,
        typer.Argument(help="One of those that the task offers: 'job show' says which.", show_default=False),
    ],
    note: Annotated[str, typer.Option(help="What you saw; it is kept with the task.")] = "",
    task: Annotated[
        int | None,
        typer.Option(
            help=(
                "Position of the task, from 0, if a script has read it before; by default the one that asks "
                "now."
            )
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a job that waits for a person. It goes on, or fails, by what you answer."""
    with connect(context) as vault:
        _show_one(vault.jobs[job].answer(verdict, note, task=task), as_json)


def _show_one(job: rest.Job, as_json: bool) -> None:
    if as_json:
        output.show_json(job)
    else:
        output.say(
            f"{_verb(job)} of {job.subject_name}: {job.state}; watch it with: secondsite job follow "
            f"{job.id[: prompts.SHORT]}"
        )
