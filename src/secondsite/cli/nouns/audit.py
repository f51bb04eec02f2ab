"""secondsite audit ..."""

import itertools
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import pydantic
import typer

from ...client import validation_messages
from ...domain import errors
from ...domain.access import chain
from ...domain.access.chain import ChainCheck, Entry, Link, Outcome
from ...wire import rest
from ...wire.rest.access.audit import SHORTEST_DAYS, AuditCheck, AuditEntry, AuditQuery, AuditSettings
from .. import output, times
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="The audit log: what was done by whom.")
FOR_EVER = "for-ever"
COLUMNS: tuple[output.Column, ...] = (
    ("number", lambda e: e.number),
    ("at", lambda e: clock(e.at)),
    ("who", lambda e: e.who),
    ("from", lambda e: e.address),
    ("what", lambda e: e.verb),
    ("of", lambda e: e.object),
    ("outcome", lambda e: e.outcome),
    ("answer", lambda e: e.code),
    ("job", lambda e: (e.job_id or "")[:10]),
    ("details", lambda e: e.details if len(e.details) <= 120 else f"{e.details[:117]}..."),
)


def _instant(text: str) -> datetime:
    return times.instant(text, datetime.now(UTC))


Since = Annotated[
    datetime | None, typer.Option(parser=_instant, metavar="TIME", help="Recorded then or later (UTC).")
]


@app.command("list")
def show_list(
    context: typer.Context,
    who: Annotated[
        str | None, typer.Option(help="Only of this token, by name; 'stranger': of no valid one.")
    ] = None,
    verb: Annotated[str | None, typer.Option(help="Only this call: 'DELETE /tokens/{name}'.")] = None,
    of: Annotated[
        str | None, typer.Option(help="Only what was done to this: a machine, by name or id.")
    ] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only with this outcome.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job, by its whole id.")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """Changes and refused attempts, newest first. --json shows what was before and after in full."""
    query = AuditQuery(
        who=who, verb=verb, object=of, outcome=outcome, job=job, since=since,
        limit=min(limit, rest.MOST_PER_PAGE),
    )  # fmt: skip
    with connect(context) as vault:
        found = list(itertools.islice(vault.audit.list(query), limit))
    if as_json:
        output.show_json(found)
        return
    output.show_table(found, COLUMNS, "Nothing of that kind is on record.")


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write; '-': standard output.", metavar="FILE")],
    since: Since = None,
) -> None:
    """Write the log as JSON lines, oldest first. Keep it elsewhere: 'audit verify --file FILE' compares
    the log with it."""
    query = AuditQuery(since=since, oldest_first=True, limit=rest.MOST_PER_PAGE)
    with connect(context) as vault:
        lines = (entry.model_dump_json() for entry in vault.audit.list(query))
        with nullcontext(sys.stdout) if str(file) == "-" else file.open("w") as out:
            count = _write(out, lines)
    if str(file) != "-":
        output.say(f"{count} entries in {file}")


def _write(out: TextIO, lines: Iterable[str]) -> int:
    return sum(out.write(f"{line}\n") > 0 for line in lines)


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option(help="An export: is it whole, and does the log still say the same?")
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether the log is whole; names the first entry that was changed, deleted or put elsewhere. Exit
    code 10 if it is not."""
    with connect(context) as vault:
        kept = None if file is None else _read(file)
        found = vault.audit.verify()
        if kept is not None:
            _require_whole(kept.checked, f"the export {file}")
        if found.intact and kept is not None:
            _compare(kept, found, lambda number: list(vault.audit.list(AuditQuery(number=number))))
    if as_json:
        output.show_json(found)
    if not found.intact:
        raise errors.AuditBroken(
            f"The audit log is not whole from entry {found.broken_number} on: {found.what}."
        )
    if not as_json:
        output.say(
            f"the log is whole: entries {found.first_number} to {found.head_number}, the last one's digest "
            f"is {found.head_digest}"
        )


@dataclass(frozen=True, slots=True)
class _Export:
    checked: ChainCheck
    ends_at: datetime


def _read(file: Path) -> _Export:
    try:
        entries = [_entry(line) for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError, pydantic.ValidationError) as error:
        raise validation_messages.unreadable(
            file, "an export of the audit log", error, "audit export FILE"
        ) from error
    if not entries:
        raise errors.InvalidArgument(f"{file} has no entries.")
    checked = chain.check(entries, Link(entries[0].number - 1, entries[0].former))
    return _Export(checked, entries[-1].at)


def _entry(line: str) -> Entry:
    return Entry(**dict(AuditEntry.model_validate_json(line)))


def _require_whole(found: ChainCheck, what: str) -> None:
    if found.broken is not None:
        raise errors.AuditBroken(
            f"{what[0].upper()}{what[1:]} is not whole from entry {found.broken} on: {found.what}."
        )


def _compare(kept: _Export, found: AuditCheck, entries: Callable[[int], list[AuditEntry]]) -> None:
    """Raises AuditBroken unless the log still has the export's last entry, or deleted it as old."""
    last = kept.checked.last
    if last.number >= found.first_number:
        _require_same(last, entries(last.number))
        return
    ends = (
        f"The export ends with entry {last.number} of {clock(kept.ends_at)}, and the log begins with entry "
        f"{found.first_number}"
    )
    if datetime.now(UTC) - kept.ends_at < timedelta(days=SHORTEST_DAYS):
        raise errors.AuditBroken(
            f"{ends}: what is younger than {SHORTEST_DAYS} days is never deleted by the setting."
        )
    output.warn(f"{ends}: nothing was compared. Keep younger exports.")


def _require_same(kept: Link, now: list[AuditEntry]) -> None:
    if [entry.digest for entry in now] != [kept.digest]:
        raise errors.AuditBroken(
            f"The export ends with entry {kept.number}, which the log does not have, or not so: it was "
            "shortened or written anew."
        )


@app.command("keep")
def keep(
    context: typer.Context,
    days: Annotated[str, typer.Argument(help="At least 30; or 'for-ever'.", metavar="DAYS")],
    as_json: Json = False,
) -> None:
    """How many days entries are kept. What is older is deleted, and the rest can still be verified."""
    with connect(context) as vault:
        now = vault.audit.keep(_days(days))
    _show(now, as_json)


@app.command("settings")
def settings(context: typer.Context, as_json: Json = False) -> None:
    """How many days entries are kept."""
    with connect(context) as vault:
        now = vault.audit.settings()
    _show(now, as_json)


def _days(text: str) -> int | None:
    if text == FOR_EVER:
        return None
    if not text.isdecimal():
        raise errors.InvalidArgument(
            f"'{text}' is not a number of days.", do="Give 30 or more, or 'for-ever'."
        )
    return int(text)


def _show(now: AuditSettings, as_json: bool) -> None:
    if as_json:
        output.show_json(now)
        return
    output.say("kept for ever" if now.kept_days is None else f"kept for {now.kept_days} days")
