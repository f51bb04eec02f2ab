"""secondsite vault adopt: shows what would be adopted, then adopts it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import typer

from ...ground.plural import counted
from ...wire import rest
from .. import output
from ..options import Json, connect
from ..output import clock


def adopt(
    context: typer.Context,
    appliance: Annotated[
        str,
        typer.Argument(
            help="Name or id of the appliance that has them.", metavar="APPLIANCE", show_default=False
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be adopted, and what is missing.")
    ] = False,
    other_site: Annotated[
        str | None,
        typer.Option(
            "--other-site",
            metavar="SITE",
            help="Name for the other site, if nobody kept it; 'lost' by default.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take over the machines of a vault that is gone, with points, settings and plans, from an appliance
    that has them. Repeat it as you like, and for each appliance."""
    with connect(context) as vault:
        handle = vault.appliances[appliance]
        if dry_run or (sys.stdin.isatty() and not yes):
            would = handle.adopt(dry_run=True, other_site=other_site)
            if dry_run and as_json:
                output.show_json(would)
            else:
                show(would, output.warn if as_json else output.say)
            if dry_run:
                return
            typer.confirm("Adopt?", abort=True, err=True)
        done = handle.adopt(other_site=other_site)
    if as_json:
        output.show_json(done)
    else:
        show(done)


# What was adopted, or would be, for people.

DONE = {
    rest.AdoptionEnd.ADOPTED: ("would be adopted", "adopted"),
    rest.AdoptionEnd.COMPLETED: ("would be completed", "completed"),
    rest.AdoptionEnd.HERE: ("is here already", "is here already"),
    rest.AdoptionEnd.LEFT: ("cannot be adopted", "was left"),
}


def show(found: rest.Adoption, say: Callable[[str], None] = output.say) -> None:
    for line in _lines(found):
        say(line)


def _lines(found: rest.Adoption) -> Iterator[str]:
    said = clock(found.said_at) if found.said_at else "never"
    yield f"appliance {found.appliance} of site {found.site}; its former vault last said what is set: {said}"
    for each in found.settings:
        yield f"  {'would be made' if found.dry_run else 'made'}: {each}"
    for machine in found.machines:
        yield from _machine(machine, found.dry_run)
    yield _sum(found.machines, found.dry_run)
    for each in found.missing:
        yield f"  to be set again: {each}"


def _machine(machine: rest.AdoptedMachine, dry_run: bool) -> Iterator[str]:
    did = DONE[machine.end][0 if dry_run else 1]
    way = f", {machine.source_site} to {machine.target_site}" if machine.source_site else ""
    state = (
        f": {output.words(machine.state)}{way}, {counted(machine.points, 'point')}" if machine.state else ""
    )
    newest = f", the newest of {clock(machine.newest_at)}" if machine.newest_at else ""
    held = f", {machine.held} held" if machine.held else ""
    yield f"{machine.name} {did}{state}{newest}{held}"
    for each in machine.says:
        yield f"  {each}"
    if machine.do is not None:
        yield f"  next: {machine.do}"


def _sum(machines: Sequence[rest.AdoptedMachine], dry_run: bool) -> str:
    numbers = {end: sum(each.end is end for each in machines) for end in rest.AdoptionEnd}
    parts = [f"{number} {DONE[end][0 if dry_run else 1]}" for end, number in numbers.items() if number]
    return f"{counted(len(machines), 'machine')}" + (f": {', '.join(parts)}" if parts else " found")
