"""The commands of evidence."""

import base64
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pydantic
import typer

from ....client import Vault, validation_messages
from ....domain import errors
from ....domain.access import evidence
from ....domain.access.chain import Entry
from ....domain.access.evidence import Verdict
from ....wire import rest
from ....wire.rest.access.evidence import EvidenceFile
from ... import output
from ...former_words import Noun
from ...options import Json, connect
from ...output import clock
from .page import page

app = typer.Typer(cls=Noun, no_args_is_help=True, help="What is kept of failovers and drills.")
COLUMNS: tuple[output.Column, ...] = (
    ("id", lambda e: e.id),
    ("ended", lambda e: clock(e.ended_at)),
    ("what", lambda e: e.verb),
    ("of", lambda e: e.subject),
    ("result", lambda e: e.state),
    ("by", lambda e: e.requested_by),
    ("audit entry", lambda e: e.number),
)
Id = Annotated[str, typer.Argument(help="Id, as 'evidence list' shows it.", metavar="ID")]


@app.command("list")
def show_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """Of failovers, drills and their clean-ups that have ended. Example: secondsite evidence list --limit
    5"""
    with connect(context) as vault:
        query = rest.Paging(limit=min(limit, rest.MOST_PER_PAGE))
        found = list(itertools.islice(vault.evidence.list(query), limit))
    if as_json:
        output.show_json(found)
        return
    output.show_table(found, COLUMNS, "No failover or drill has ended yet.")


@app.command()
def show(context: typer.Context, evidence_id: Id, as_json: Json = False) -> None:
    """What was done, by whom, when, and with which result: JSON, with or without --json."""
    with connect(context) as vault:
        found = vault.evidence.show(evidence_id)
    output.show_json(found if as_json else found.evidence)


@app.command()
def export(
    context: typer.Context,
    evidence_id: Id,
    to: Annotated[
        Path | None, typer.Option("--json-file", help="What 'evidence verify' reads.", metavar="FILE")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="A page that prints well, its pictures in it.", metavar="FILE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write it to a file that 'evidence verify' verifies without a vault, and to a page for people.
    Example: secondsite evidence export ID --json-file drill.json --html drill.html"""
    if to is None and html is None:
        raise errors.InvalidArgument("No file was named.", do="Give --json-file, --html, or both.")
    with connect(context) as vault:
        found = read(vault, evidence_id)
    if to is not None:
        write(to, found.model_dump_json(indent=2) + "\n", "--json-file")
    if html is not None:
        write(html, page(found, datetime.now(UTC)), "--html")
    if as_json:
        output.show_json({"file": to and str(to), "html": html and str(html)})
        return
    for each in (to, html):
        if each is not None:
            output.say(f"wrote {each}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="As 'evidence export' wrote it.", metavar="FILE")],
    audit: Annotated[
        Path | None, typer.Option(help="An export of the audit log: 'audit export FILE'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether a file is what the audit log took; asks no vault. Exit code 10 if not. Example: secondsite
    evidence verify drill.json --audit audit.jsonl"""
    found = verdict(file, audit)
    if as_json:
        output.show_json(
            {"proven": list(found.proven), "not_proven": list(found.open), "wrong": list(found.wrong)}
        )
    if found.wrong:
        raise errors.AuditBroken(f"{file} is not what the audit log took: {'; '.join(found.wrong)}.")
    if not as_json:
        for each in found.proven:
            output.say(f"proven: {each}")
        for each in found.open:
            output.say(f"not proven: {each}")


# The files of evidence: written from what the vault has, and verified without it.


def read(vault: Vault, evidence_id: str) -> EvidenceFile:
    found = vault.evidence.show(evidence_id)
    named = sorted(evidence.pictures_of(found.evidence))
    pictures = {each: base64.b64encode(vault.evidence.picture(evidence_id, each)).decode() for each in named}
    return EvidenceFile(**dict(found), pictures=pictures)


def write(file: Path, text: str, option: str) -> None:
    """Write the text to a file. Raises InvalidArgument if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise errors.InvalidArgument(
            f"{file} cannot be written: {error.strerror}.", do=f"Give another file with {option}."
        ) from error


def verdict(file: Path, audit: Path | None) -> Verdict:
    try:
        exported = EvidenceFile.model_validate_json(file.read_text())
    except (OSError, ValueError) as error:
        raise validation_messages.unreadable(
            file, "evidence", error, "evidence export ID --json-file FILE"
        ) from error
    if exported.entry is None:
        raise errors.InvalidArgument(
            f"{file} has no entry of the audit log with it: the log had deleted it when this was exported.",
            do=(
                "Export evidence while the audit log has its entry, or keep the log longer: 'secondsite "
                "audit keep for-ever'."
            ),
        )
    log = None if audit is None else _log(audit)
    return evidence.verdict(exported.evidence, Entry(**dict(exported.entry)), log, exported.pictures)


def _log(file: Path) -> list[Entry]:
    try:
        lines = file.read_text().splitlines()
        return [Entry(**dict(rest.AuditEntry.model_validate_json(line))) for line in lines]
    except (OSError, UnicodeDecodeError, pydantic.ValidationError) as error:
        raise validation_messages.unreadable(
            file, "an export of the audit log", error, "audit export FILE"
        ) from error
