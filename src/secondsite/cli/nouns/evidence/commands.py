"""The commands of evidence."""

import itertools
from pathlib import Path
from typing import Annotated

import pydantic
import typer

from ....domain import errors
from ....domain.access import evidence
from ....domain.access.chain import Entry
from ....domain.access.evidence import Verdict
from ....wire import rest
from ... import output
from ...former_words import Noun
from ...options import Json, connect
from ...output import clock

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
    """Of failovers, drills and their clean-ups that have ended. Example: secondsite evidence list --limit 5"""
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
    to: Annotated[Path, typer.Option("--json-file", help="The file to write.", metavar="FILE")],
    as_json: Json = False,
) -> None:
    """Write it to a file that 'evidence verify' verifies without a vault. Example: secondsite evidence export ID --json-file drill.json"""
    with connect(context) as vault:
        found = vault.evidence.show(evidence_id)
    try:
        to.write_text(found.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise errors.InvalidArgument(
            f"{to} cannot be written: {error.strerror}.", do="Give another file with --json-file."
        ) from error
    if as_json:
        output.show_json({"file": str(to)})
        return
    output.say(f"wrote {to}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="As 'evidence export' wrote it.", metavar="FILE")],
    audit: Annotated[
        Path | None, typer.Option(help="An export of the audit log: 'audit export FILE'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether a file is what the audit log took; asks no vault. Exit code 10 if not. Example: secondsite evidence verify drill.json --audit audit.jsonl"""
    found = _verdict(file, audit)
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


def _verdict(file: Path, audit: Path | None) -> Verdict:
    try:
        exported = rest.EvidenceExport.model_validate_json(file.read_text())
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(f"{file} cannot be read as evidence: {error}.") from error
    if exported.entry is None:
        raise errors.InvalidArgument(
            f"{file} has no entry of the audit log with it: the log had deleted it when this was exported.",
            do="Export evidence while the audit log has its entry, or keep the log longer: 'secondsite audit keep'.",
        )
    log = None if audit is None else _log(audit)
    return evidence.verdict(exported.evidence, Entry(**dict(exported.entry)), log)


def _log(file: Path) -> list[Entry]:
    try:
        lines = file.read_text().splitlines()
        return [Entry(**dict(rest.AuditEntry.model_validate_json(line))) for line in lines]
    except (OSError, UnicodeDecodeError, pydantic.ValidationError) as error:
        raise errors.InvalidArgument(
            f"{file} cannot be read as an export of the audit log: {error}."
        ) from error
