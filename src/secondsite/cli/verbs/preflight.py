"""secondsite machine preflight: what would be in the way, before anybody starts anything."""

from typing import Annotated

import typer

from ...wire.rest.preflights import Preflight
from .. import output
from ..exit_codes import Exit
from ..options import Json, MachineName, connect, way
from ..output import clock
from . import connecting


def preflight(
    context: typer.Context,
    machine: MachineName,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Of a machine that is not protected: the site where it runs."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="And the site that would hold its replica.")
    ] = None,
    target_appliance: Annotated[
        str | None, typer.Option("--target-appliance", help="And which of its appliances.")
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Whether the replica would be encrypted.")
    ] = False,
    apart: Annotated[
        str | None, typer.Option(help="The word of the machines from which it would be kept apart.")
    ] = None,
    together: Annotated[
        str | None, typer.Option(help="The word of the machines to whose host it would go.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Could it be failed over now; or, with --source and --target, could it be protected? Both sites are
    asked and try it, nothing is changed. Ends with 4 if something is in the way."""
    with connect(context) as vault:
        if sites := way(source, target):
            site = vault.sites[sites[0]]
            found = site.preflight(
                machine,
                sites[1],
                target_appliance=target_appliance,
                encrypt=encrypt,
                apart=apart,
                together=together,
            )
        else:
            found = vault.machines[machine].preflight()
    if as_json:
        output.show_json(found)
    else:
        _show(found, "failed over" if source is None else "protected")
    raise typer.Exit(Exit.OK if found.ready else Exit.NOT_POSSIBLE_NOW)


def _show(found: Preflight, done: str) -> None:
    for each in found.obstacles:
        output.say(f"{'in the way' if each.blocking else 'warning'} at {each.site}: {each.what} {each.do}")
    if found.placed is not None:
        output.say(found.placed)
    for sentence in found.tried:
        output.say(sentence)
    whence = f"from {found.source_site} to {found.target_site}"
    if found.connecting:
        connecting.show_lines(found.connecting, found.machine)
    can = "can" if found.ready else "cannot"
    output.say(f"{found.machine} {can} be {done} {whence} now; asked at {clock(found.checked_at)}")
