"""secondsite point ..."""

from typing import Annotated

import typer

from ...domain.points import RecoveryPointChoice
from .. import output
from ..options import Json, MachineName, connect
from ..output import clock, size, span

app = typer.Typer(no_args_is_help=True, help="Recovery points: the instants a machine can be started from.")


@app.command("list")
def show_list(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """The points of a machine, newest first."""
    with connect(context) as client:
        points = client.points(machine)
    points = sorted(points, key=lambda p: (p.epoch, p.seq), reverse=True)
    if as_json:
        output.show_json(points)
        return
    output.show_table(
        points,
        (
            ("id", lambda p: p.id),
            ("taken", lambda p: clock(p.taken_at)),
            ("consistency", lambda p: p.consistency if p.reason is None else f"{p.consistency} ({p.reason})"),
            ("set", lambda p: p.set_id),
            ("added", lambda p: size(p.added_bytes)),
            ("", lambda p: "committed" if p.committed else ""),
        ),
        "No recovery points yet: initial replication has not ended.",
    )


@app.command()
def choose(
    context: typer.Context,
    machine: MachineName,
    choice: Annotated[
        RecoveryPointChoice, typer.Option(help="The choice to look at.")
    ] = RecoveryPointChoice.LATEST,
    as_json: Json = False,
) -> None:
    """Which point a choice would pick now, and what it would lose. Starts nothing."""
    with connect(context) as client:
        answer = client.possible(machine, choice)
    if as_json:
        output.show_json(answer)
    elif answer.point is None:
        raise (answer.problem.raised() if answer.problem else AssertionError)
    else:
        loses = span(answer.loses_seconds)
        output.console.print(
            f"{choice} would use {answer.point.id}, taken {clock(answer.point.taken_at)}; loses {loses}"
        )
