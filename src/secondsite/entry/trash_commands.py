"""secondsite appliance trash ...: what a target keeps of deleted history, at its own host."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ..cli import output
from ..cli.options import Json
from ..cli.output import clock
from ..domain import errors
from ..domain.amounts import size, span
from .running import DEFAULT_APPLIANCE_HOME, ApplianceHome, KeyFile

app = typer.Typer(
    no_args_is_help=True, help="What this appliance keeps of deleted history; no vault can empty it."
)

ItemName = Annotated[
    str,
    typer.Argument(
        help="As 'list' shows it; or the machine, if it has one.", metavar="ITEM", show_default=False
    ),
]
COLUMNS: Sequence[output.Column] = (
    ("item", lambda each: each.item),
    ("machine", lambda each: each.machine),
    ("points", lambda each: each.points),
    ("frees", lambda each: size(each.frees_bytes)),
    ("removed", lambda each: clock(each.removed_at)),
    ("goes in", lambda each: "stays: a machine stands on it" if each.restored else span(each.left_seconds)),
    ("because", lambda each: each.why),
)
POINT_COLUMNS: Sequence[output.Column] = (
    ("point", lambda point: point.point_id),
    ("taken at", lambda point: point.manifest.taken_at),
    ("consistency", lambda point: point.manifest.consistency),
    ("held", lambda point: point.held),
)


@app.command("list")
def show_list(home: ApplianceHome = DEFAULT_APPLIANCE_HOME, as_json: Json = False) -> None:
    """What stays although the vault deleted it, what that costs, and for how long."""
    from . import trash

    kept = trash.kept(home)
    if as_json:
        output.show_json({"kept": [dataclasses.asdict(each) for each in kept]})
        return
    output.show_table(kept, COLUMNS, "Nothing: the vault deleted nothing within the deletion delay.")


@app.command()
def show(name: ItemName, home: ApplianceHome = DEFAULT_APPLIANCE_HOME, as_json: Json = False) -> None:
    """The recovery points of an item, oldest first."""
    from . import trash

    found = trash.points(home, name)
    if as_json:
        output.show_json(
            {"points": [{"id": point.point_id, "taken_at": point.manifest.taken_at} for point in found]}
        )
        return
    output.show_table(found, POINT_COLUMNS, "It has no recovery points.")


@app.command()
def restore(
    name: ItemName,
    point: Annotated[str | None, typer.Option(help="Recovery point; by default the newest.")] = None,
    new_name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the machine; by default the old one and '-restored'."),
    ] = None,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    encryption_key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Make a machine from a recovery point in the trash; the appliance must be stopped. It is off and has
    no network, and it can be protected like any other."""
    from . import trash

    sentence = trash.restore(home, name, point, new_name, encryption_key_file)
    if as_json:
        output.show_json({"item": name, "sentence": sentence})
        return
    output.say(sentence)
    output.say("next: look at its disks, give it a network, start it; then start the appliance")


@app.command()
def purge(
    name: ItemName,
    home: ApplianceHome = DEFAULT_APPLIANCE_HOME,
    confirm: Annotated[
        str | None, typer.Option(help="ITEM once more, where nobody can be asked.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete an item now, for good; the appliance must be stopped."""
    from . import trash

    _require_meant(name, confirm)
    sentence = trash.purge(home, name)
    if as_json:
        output.show_json({"item": name, "sentence": sentence})
        return
    output.say(sentence)


def _require_meant(name: str, confirm: str | None) -> None:
    """Have the name typed once more. Raises InvalidArgument for another one, or where nobody can be asked."""
    if confirm is None and sys.stdin.isatty():
        output.say(f"All that is kept of {name} is deleted for good: nobody can bring it back.")
        confirm = typer.prompt("Type its name to go on")
    if confirm != name:
        raise errors.InvalidArgument(
            f"Nothing was deleted: '{name}' was not confirmed.",
            do=f"Add --confirm {name} if it is to go for good.",
        )
