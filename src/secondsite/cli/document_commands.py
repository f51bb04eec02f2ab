"""secondsite export, diff, apply and schema."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..client import documents
from ..client.documents import Action, Change, DocumentPreparation
from ..domain import errors
from . import output
from .options import Json, connect

DIFFERENT = 1
"""The exit code of a diff that is not empty, as of diff(1)."""
File = Annotated[
    Path,
    typer.Option(
        "--file",
        "-f",
        help="A YAML file, or a folder of them; '-': standard input.",
        metavar="FILE|FOLDER",
        show_default=False,
    ),
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help=(
            "Also delete policies, mappings, groups and plans that no document names, of the kinds that the "
            "documents are of."
        ),
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Argument(help=f"Only these: {', '.join(documents.KINDS)}.", metavar="[KIND]..."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the program itself: they are about all nouns."""
    for command in (export, diff, apply, schema):
        app.command()(command)


def export(
    context: typer.Context,
    kinds: Kinds = None,
    name: Annotated[
        str | None, typer.Option(help="Only what has this name: secondsite export plan --name shop.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what is configured, as YAML that 'apply' takes: secondsite export plan group > plans.yaml.
    Only what the token may see."""
    with connect(context) as vault:
        text = documents.export(vault, kinds or (), name)
    if as_json:
        output.show_json({"yaml": text})
        return
    print(text, end="")


def diff(context: typer.Context, file: File, prune: Prune = False, as_json: Json = False) -> None:
    """Show what 'apply' would change: secondsite diff -f plans.yaml. Exit code 0: nothing; 1: something."""
    with connect(context) as vault:
        prepared = documents.prepare(vault, _load(file), prune=prune)
    if as_json:
        changes_as_json(prepared)
    else:
        show(prepared, would="would be made")
    if prepared.changes:
        raise typer.Exit(DIFFERENT)


def apply(
    context: typer.Context,
    file: File,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Change nothing; tell what would be changed, and what is missing."),
    ] = False,
    prune: Prune = False,
    as_json: Json = False,
) -> None:
    """Change what is configured into what the documents say: secondsite apply -f plans.yaml --dry-run. All
    of it is checked before anything is changed; repeat it after an interruption, and it goes on."""
    given = _load(file)
    with connect(context) as vault:
        prepared = documents.prepare(vault, given, prune=prune)
        if not dry_run:
            prepared.require()
        _perform(documents.DocumentApplier(vault, prepared.present, given), prepared, dry_run, as_json)
    if dry_run:
        prepared.require()


def schema() -> None:
    """Print the JSON schema of a document, for editors: secondsite schema > secondsite.schema.json."""
    output.show_json(documents.schema())


def _perform(
    applying: documents.DocumentApplier, prepared: documents.DocumentPreparation, dry_run: bool, as_json: bool
) -> None:
    if dry_run and not as_json:
        show(prepared, would="would be made")
    if not dry_run:
        _run(applying, prepared, as_json)
    if as_json:
        changes_as_json(prepared, done=not dry_run)


def _run(applying: documents.DocumentApplier, prepared: documents.DocumentPreparation, as_json: bool) -> None:
    for each in prepared.notes if not as_json else ():
        output.warn(f"note: {each}")
    for change in applying.run(prepared.changes):
        if not as_json:
            say(change)
    if not as_json:
        output.say("applied" if prepared.changes else "nothing to change")


def _load(file: Path) -> Sequence[documents.LoadedDocument]:
    if str(file) != "-":
        return documents.load(file)
    try:
        return documents.load(file, sys.stdin.buffer.read(documents.MOST_BYTES + 1).decode())
    except UnicodeDecodeError as error:
        raise errors.InvalidArgument(
            f"Standard input cannot be read: {error}.", do="Give YAML in UTF-8."
        ) from None


# How changes are shown, to people and to scripts.

SIGN = {Action.CREATE: "+", Action.CHANGE: "~", Action.DELETE: "-"}
LONGEST = 100


def show(prepared: DocumentPreparation, *, would: str) -> None:
    """Show what would change, what is in the way, and what else to know."""
    for change in prepared.changes:
        say(change)
    for each in prepared.notes:
        output.warn(f"note: {each}")
    for each in (*prepared.missing, *prepared.wrong):
        output.warn(f"in the way: {each}")
    output.say(f"{_counted(prepared.changes)} {would}" if prepared.changes else "nothing to change")


def say(change: Change, done: str = "") -> None:
    """Print the thing, and below it each field with its old and new value."""
    where = "" if change.given is None else f"  ({change.given.file}:{change.given.value.line(())})"
    output.say(f"{SIGN[change.action]} {change.what}{done}{where}")
    if change.action is Action.DELETE:
        return
    for each in change.fields:
        if each.field not in ("kind", "name", "machine"):
            now = "" if change.action is Action.CREATE else f"{_short(each.now)} -> "
            output.say(f"    {each.field}: {now}{_short(each.wanted)}")


def plain(change: Change) -> dict[str, Any]:
    """The change as JSON values, for scripts."""
    return {
        "action": change.action.value,
        "kind": change.key[0],
        "name": " ".join(change.key[1:]),
        "file": None if change.given is None else change.given.file,
        "line": None if change.given is None else change.given.value.line(()),
        "fields": [{"field": each.field, "now": each.now, "wanted": each.wanted} for each in change.fields],
    }


def changes_as_json(prepared: DocumentPreparation, done: bool = False) -> None:
    output.show_json(
        {
            "changes": [plain(each) for each in prepared.changes],
            "notes": list(prepared.notes),
            "in_the_way": [*prepared.missing, *prepared.wrong],
            "done": done,
        }
    )


def _counted(changes: Sequence[Change]) -> str:
    return "1 change" if len(changes) == 1 else f"{len(changes)} changes"


def _short(value: object) -> str:
    text = (
        "none"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
