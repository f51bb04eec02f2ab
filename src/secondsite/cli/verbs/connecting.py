"""secondsite machine connecting, machine confirm: what lets somebody connect after a failover."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ...domain import shell
from ...domain.amounts import span
from ...domain.machines.connecting import Line, Standing
from ...wire.rest.preflights import Connecting, ConnectingLine, LineStanding
from .. import output
from ..options import Json, MachineName, connect
from ..output import clock

GOOD = (Standing.SEEN, Standing.CONFIRMED)
Lines = Annotated[
    list[Line],
    typer.Option("--line", help="Which; may be given several times.", show_default=False),
]


def show(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """What lets somebody connect after a failover: what an agent in the machine saw, what a person confirmed,
    and what nobody looked at. None of it stops a failover."""
    with connect(context) as vault:
        found = vault.machines[machine].connecting()
    _show(found, as_json)


def confirm(
    context: typer.Context,
    machine: MachineName,
    line: Lines,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="It is not so any more, or was never looked at.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say that a line of 'secondsite machine connecting MACHINE' is so; your name and the instant are kept.
    It is asked again after a while, and does not count against what an agent in the machine sees."""
    with connect(context) as vault:
        handle = vault.machines[machine]
        said = [handle.take_back(each) if take_back else handle.confirm(each) for each in line]
    _show(said[-1], as_json)


def show_lines(lines: Sequence[ConnectingLine], machine: str) -> None:
    """Print the lines as a table, and what to do about those that are not good."""
    output.show_table(
        lines,
        (
            ("line", lambda each: each.line),
            ("is so", _standing),
            ("what", lambda each: each.what),
            ("look again", lambda each: f"every {span(each.again_seconds)}"),
        ),
        "Nothing is asked.",
    )
    if any(each.standing not in GOOD for each in lines):
        output.say(
            "confirm each line that you looked at, like this one: 'secondsite machine confirm "
            f"{shell.arguments(machine)} --line target-rules'"
        )


def summary(lines: Sequence[LineStanding]) -> str:
    """What of the lines is not good, for one line of a plan's preview; empty if all is."""
    parts = [
        f"{standing}: {', '.join(named)}"
        for standing in (Standing.WRONG, Standing.OUTDATED, Standing.OPEN)
        if (named := [each.line for each in lines if each.standing is standing])
    ]
    return f"; to connect, {'; '.join(parts)}" if parts else ""


def _show(found: Connecting, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    output.say(f"{found.name} would run at {found.site}; the system of its guest: {found.system}")
    show_lines(found.lines, found.name)


def _standing(line: LineStanding) -> str:
    if line.standing is Standing.OPEN:
        return "open: nobody looked"
    who = f"by {line.by}" if line.by else "by its agent"
    words = {
        Standing.SEEN: "yes, seen",
        Standing.CONFIRMED: "yes, confirmed",
        Standing.WRONG: "NO, seen",
        Standing.OUTDATED: "open again, last looked at",
    }
    return f"{words[line.standing]} {who} at {clock(line.at)}"
