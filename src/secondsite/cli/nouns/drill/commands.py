"""secondsite drill ..."""

import typer

from ... import follow
from ...former_words import Noun
from ...options import Json, NoWait, connect
from . import schedules

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Test failovers that the vault starts by itself. One of a machine alone: secondsite machine test-failover MACHINE.",
)
app.add_typer(schedules.app, name="schedule")


@app.command()
def run(
    context: typer.Context, schedule: schedules.Name, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """The test failover of a schedule now, also while it is paused; its next turn is counted from now.

    Example: secondsite drill run monthly"""
    with connect(context) as vault:
        ended = follow.to_its_end(vault, vault.drill_schedules[schedule].run(), no_wait, as_json)
    raise typer.Exit(ended)
