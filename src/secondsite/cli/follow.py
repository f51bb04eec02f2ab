"""Following a job: a progress bar for each task that runs, one sentence for each that ended."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import itemgetter

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..client import JobHandle, Vault
from ..domain import amounts
from ..wire import rest
from . import children, exit_codes, output, prompts
from .traffic import Traffic

ENDED = frozenset(exit_codes.BY_JOB_STATE)
MARKS = {
    "succeeded": ("done   ", "green"),
    "failed": ("failed ", "red"),
    "skipped": ("skipped", "dim"),
    "cancelled": ("stopped", "yellow"),
    "undone": ("undone ", "yellow"),
}
BAR_COLUMNS = 20
Key = tuple[str, int, int, str]


def to_its_end(vault: Vault, job: JobHandle, no_wait: bool, as_json: bool) -> exit_codes.Exit:
    """Follow a job that was started, unless `no_wait`; returns the exit code. Raises as `follow`."""
    if no_wait:
        output.show_accepted(job.id, as_json)
        return exit_codes.Exit.OK
    return require_success(follow(vault, job, as_json))


def follow(vault: Vault, handle: JobHandle, as_json: bool) -> rest.Job:
    """Shows the job until it has ended, and returns its last state. A vault that restarts meanwhile is waited
    for.

    Raises VaultUnreachable after a minute without it, and KeyboardInterrupt; the job goes on by itself.
    """
    try:
        job = _watch_quietly(handle) if as_json else _watch_with_bars(vault, handle)
    except KeyboardInterrupt:
        output.complaints.print(
            f"The job goes on. Watch it again with: secondsite job follow {handle.id}", soft_wrap=True
        )
        raise
    if as_json:
        output.show_json(job)
    elif job.problem is not None:
        told = job.problem.model_copy(update={"do": prompts.of_its_machine(job, job.problem.do)})
        output.show_error(told.raised(), as_json=False)
        output.say(f"  job: secondsite job show {job.id[: prompts.SHORT]}")
    return job


def require_success(job: rest.Job) -> exit_codes.Exit:
    """The exit code for the job's final state."""
    return exit_codes.BY_JOB_STATE.get(job.state, exit_codes.Exit.INTERNAL)


def _watch_quietly(handle: JobHandle) -> rest.Job:
    *_, last = handle.follow()
    return last


def _watch_with_bars(vault: Vault, handle: JobHandle) -> rest.Job:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=BAR_COLUMNS),
        TimeElapsedColumn(),
        TextColumn("{task.fields[why]}", markup=False),
    )
    quiet = not output.console.is_terminal
    with Progress(*columns, console=output.console, transient=True, disable=quiet) as progress:
        shown = _Shown(progress, vault)
        for job in handle.follow():
            shown.update(job)
    return job


class _Shown:
    """What is on the screen so far: printed sentences of ended tasks, bars of running ones."""

    def __init__(self, progress: Progress, vault: Vault) -> None:
        self._progress = progress
        self._vault = vault
        self._traffic = Traffic(vault)
        self._bars: dict[Key, TaskID] = {}
        self._printed: set[Key] = set()
        self._ended: set[str] = set()
        self._held: set[str] = set()
        self._noted = 0

    def update(self, job: rest.Job) -> None:
        """Show what is new of a job and of those below it: tasks that ended, in the order in which they
        did."""
        jobs = list(self._moving(job))
        for _, each, task in sorted(_ended(jobs), key=itemgetter(0)):
            self._end(_key(each, task), _prefix(each), task)
        for each in jobs:
            self._goes_on(each)

    def _moving(self, job: rest.Job) -> Iterator[rest.Job]:
        """The jobs below it that had not ended when they were last shown, and the job itself."""
        if children.are_many(job):
            self._many(job)
        else:
            for child_id in job.children:
                if child_id not in self._ended:
                    yield from self._moving(self._vault.jobs[child_id].show())
        yield job

    def _goes_on(self, job: rest.Job) -> None:
        for task in job.tasks:
            if task.state in ("running", "waiting"):
                self._bar(_key(job, task), job, task)
            if task.asks is not None:
                self._ask(job, task, task.asks)
        if job.state is rest.JobState.HELD and job.id not in self._held:
            self._held.add(job.id)
            self._progress.console.print(
                f"{_prefix(job)}{output.plain(job.sentence)}", soft_wrap=True, markup=False
            )
        if job.state in ENDED:
            self._ended.add(job.id)

    def _ask(self, job: rest.Job, task: rest.Task, asks: rest.TaskQuestion) -> None:
        """Print a task's question, once: it may stay open for days."""
        key = job.id, task.position, task.attempt, "asks"
        if key not in self._printed:
            self._printed.add(key)
            said = f"asks    {_prefix(job)}{task.name}: {prompts.line(job, asks)}"
            self._progress.console.print(output.plain(said), soft_wrap=True, markup=False)

    def _many(self, job: rest.Job) -> None:
        """Show many jobs: one bar for all of them, and a line for each that did not go well."""
        key = job.id, 0, 0, "all"
        if key not in self._bars:
            self._bars[key] = self._progress.add_task("machines", total=children.count(job), why="")
        why = children.summary(job)
        self._progress.update(self._bars[key], completed=children.count(job, ENDED), why=why)
        noted = children.count(job, children.NOTABLE)
        if noted != self._noted:
            self._noted = noted
            for child in self._vault.jobs[job.id].children(state=children.NOTABLE):
                self._note(child)
        if job.state in ENDED:
            self._progress.remove_task(self._bars.pop(key))
            self._progress.console.print(f"all     {why}", soft_wrap=True, markup=False)

    def _note(self, child: rest.Job) -> None:
        key = child.id, 0, 0, str(child.state)
        if key not in self._printed:
            self._printed.add(key)
            self._progress.console.print(children.line(child), soft_wrap=True, markup=False)

    def _end(self, key: Key, prefix: str, task: rest.Task) -> None:
        bar = self._bars.pop(key, None)
        if bar is not None:
            self._progress.remove_task(bar)
        if key not in self._printed:
            self._printed.add(key)
            self._progress.console.print(ended_line(prefix, task), soft_wrap=True)

    def _bar(self, key: Key, job: rest.Job, task: rest.Task) -> None:
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(
                escape(f"{_prefix(job)}{task.name}"), total=None, why=""
            )
        why, total = task.sentence, None
        if task.progress:
            total = 1.0
            why = ", ".join(part for part in (why, self._traffic.of(job)) if part)
        self._progress.update(
            self._bars[key], total=total, completed=task.progress or 0, why=output.plain(why)
        )


def _ended(jobs: Iterable[rest.Job]) -> Iterator[tuple[datetime, rest.Job, rest.Task]]:
    """Tasks that have ended, with the time; none before those above it in its job."""
    for job in jobs:
        at = job.created_at
        for task in job.tasks:
            if task.state in MARKS and not (job.problem and _never_began(task)):
                at = max(at, task.ended_at or at)
                yield at, job, task


def _never_began(task: rest.Task) -> bool:
    """Whether a task was not reached. It says nothing besides the failure before it, so only `job show` has
    it."""
    return task.state == "cancelled" and task.started_at is None


def _key(job: rest.Job, task: rest.Task) -> Key:
    return job.id, task.position, task.attempt, task.name


def _prefix(job: rest.Job) -> str:
    return output.plain(f"{job.subject_name}: ") if job.parent_id else ""


def ended_line(prefix: str, task: rest.Task) -> Text:
    """What stays on the screen of a task that has ended."""
    mark, style = MARKS[task.state]
    line = Text.assemble((mark, style), f" {prefix}", (task.name, "bold"))
    if task.ended_at and task.started_at and task.state != "skipped":
        line.append(f" ({amounts.span((task.ended_at - task.started_at).total_seconds())})")
    text = task.problem.message if task.problem else task.sentence
    line.append(f": {output.plain(text)}" if text else "")
    return line
