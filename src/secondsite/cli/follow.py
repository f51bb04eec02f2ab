"""Following a job: a progress bar for each task that runs, one sentence for each that ended."""

import time
from collections.abc import Iterator

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..client import VaultClient
from ..domain import errors
from ..wire import rest
from . import exit_codes, output

ENDED = frozenset(exit_codes.BY_JOB_STATE)
MARKS = {
    "succeeded": "[green]done[/]   ",
    "failed": "[red]failed[/] ",
    "skipped": "[dim]skipped[/]",
    "cancelled": "[yellow]stopped[/]",
    "undone": "[yellow]undone[/] ",
}
VAULT_AWAY_SECONDS = 60.0


def follow(client: VaultClient, job_id: str, as_json: bool) -> rest.JobShape:
    """Shows the job until it has ended, and gives its last state. A vault that restarts meanwhile is waited for."""
    job = _watch_quietly(client, job_id) if as_json else _watch_with_bars(client, job_id)
    if as_json:
        output.show_json(job)
    elif job.problem is not None:
        output.show_error(job.problem.raised(), as_json=False)
        output.console.print(f"  job: secondsite job show {job.id}", markup=False)
    return job


def states(client: VaultClient, job_id: str) -> Iterator[rest.JobShape]:
    """The job each time it changes, across restarts of the vault; the last one has ended."""
    away_since: float | None = None
    while True:
        try:
            for job in client.follow(job_id):
                away_since = None
                yield job
                if job.state in ENDED:
                    return
        except errors.VaultUnreachable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > VAULT_AWAY_SECONDS:
                raise
        time.sleep(0.5)


def _watch_quietly(client: VaultClient, job_id: str) -> rest.JobShape:
    *_, last = states(client, job_id)
    return last


def _watch_with_bars(client: VaultClient, job_id: str) -> rest.JobShape:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[why]}"),
    )
    with Progress(*columns, console=output.console, transient=True) as progress:
        shown = _Shown(progress)
        for job in states(client, job_id):
            shown.update(client, job)
    return job


class _Shown:
    """What is on the screen so far: printed sentences of ended tasks, bars of running ones."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[tuple[str, int, int, str], TaskID] = {}
        self._printed: set[tuple[str, int, int, str]] = set()

    def update(self, client: VaultClient, job: rest.JobShape) -> None:
        for child_id in job.children:
            self.update(client, client.job(child_id))
        prefix = f"{job.subject_name}: " if job.parent_id else ""
        for task in job.tasks:
            if task.started_at is not None or task.state in MARKS:
                self._task(job.id, prefix, task)

    def _task(self, job_id: str, prefix: str, task: rest.TaskShape) -> None:
        key = (job_id, task.position, task.attempt, task.name)
        if task.state in MARKS:
            self._end(key, prefix, task)
        elif task.state in ("running", "waiting"):
            self._bar(key, prefix, task)

    def _end(self, key: tuple[str, int, int, str], prefix: str, task: rest.TaskShape) -> None:
        bar = self._bars.pop(key, None)
        if bar is not None:
            self._progress.remove_task(bar)
        if key in self._printed:
            return
        self._printed.add(key)
        text = task.problem.message if task.problem else task.sentence
        took = (
            (task.ended_at - task.started_at).total_seconds() if task.ended_at and task.started_at else None
        )
        seconds = f" ({output.span(took)})" if took is not None else ""
        self._progress.console.print(f"{MARKS[task.state]} {prefix}[bold]{task.name}[/]{seconds}: ", end="")
        self._progress.console.print(text, markup=False)

    def _bar(self, key: tuple[str, int, int, str], prefix: str, task: rest.TaskShape) -> None:
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(f"{prefix}{task.name}", total=None, why="")
        known = task.progress is not None and task.progress > 0
        self._progress.update(
            self._bars[key], total=1.0 if known else None, completed=task.progress or 0, why=task.sentence
        )


def require_success(job: rest.JobShape) -> exit_codes.Exit:
    """The exit code that the job's end means."""
    return exit_codes.BY_JOB_STATE.get(job.state, exit_codes.Exit.INTERNAL)
