"""secondsite drill ..., and drill schedule ..."""

from datetime import datetime
from typing import Annotated

import typer

from ...client.connection import request
from ...domain import amounts, errors
from ...domain.amounts import span
from ...ground.units import DAY
from ...wire.rest import drill_schedules as rest
from .. import follow, output, risk
from ..former_words import Noun
from ..options import DnsServer, Json, NoWait, Subnet, connect
from ..output import clock
from . import drill_ways

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help=(
        "Test failovers that the vault starts by itself. One of a machine alone: secondsite machine "
        "test-failover MACHINE."
    ),
)
schedules = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Schedules: which machines are drilled how often."
)
app.add_typer(schedules, name="schedule")
drill_ways.register(app)


def _days(given: str | int) -> int:
    """Whole days of '30d'. Raises InvalidArgument."""
    if isinstance(given, int):
        return given
    seconds = amounts.parse_span(given)
    if seconds < DAY or seconds % DAY:
        raise errors.InvalidArgument(f"'{given}' is not a number of whole days.", do="Give one like 30d.")
    return int(seconds // DAY)


Name = Annotated[str, typer.Argument(help="Name of the schedule.", metavar="NAME", show_default=False)]


@app.command()
def run(context: typer.Context, schedule: Name, no_wait: NoWait = False, as_json: Json = False) -> None:
    """The test failover of a schedule now, also while it is paused; its next turn is counted from now.

    Example: secondsite drill run monthly"""
    with connect(context) as vault:
        ended = follow.to_its_end(vault, vault.drill_schedules[schedule].run(), no_wait, as_json)
    raise typer.Exit(ended)


@schedules.command("set")
def change(
    context: typer.Context,
    schedule: Name,
    every: Annotated[
        int,
        typer.Option(
            parser=_days, help="From one turn to the next, in days: 30d.", metavar="SPAN", show_default=False
        ),
    ],
    at: Annotated[
        str, typer.Option("--at", help="The time of day, in UTC: 02:00.", metavar="HH:MM", show_default=False)
    ],
    machine: Annotated[
        list[str] | None,
        typer.Option(
            "--machine", help="Name or id of a machine; once for each.", metavar="MACHINE", show_default=False
        ),
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="Instead: all machines of this recovery plan.", show_default=False)
    ] = None,
    network: Annotated[
        str,
        typer.Option(
            help=(
                "'create' an isolated network, one for all machines; 'create-each': one for each network "
                "that they are in at home; 'none'; or the name of an existing one at the target."
            )
        ),
    ] = "create",
    subnet: Subnet = None,
    dns_server: DnsServer = None,
    keep_if_failed: Annotated[
        bool, typer.Option("--keep-if-failed", help="What failed stays until somebody has looked at it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a schedule, or give it other settings: all of them anew. What it starts cleans up by itself.

    Example: secondsite drill schedule set monthly --machine web01 --every 30d --at 02:00"""
    wanted = {
        "machines": tuple(machine or ()),
        "plan": plan,
        "every_days": every,
        "at": at,
        "network": network,
        "subnet": subnet,
        "dns_servers": tuple(dns_server or ()),
        "keep_if_failed": keep_if_failed,
    }
    with connect(context) as vault:
        there = next((each for each in vault.drill_schedules if each.name == schedule), None)
        if there is None:
            made = vault.drill_schedules.create(request(rest.DrillScheduleCreate, **wanted, name=schedule))
        else:
            asked = request(rest.DrillScheduleChange, **wanted, paused=there.paused)
            made = vault.drill_schedules[schedule].set(asked, seen=there)
    _shown(made, as_json)


@schedules.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All schedules: when their next turns are, and how the last ones ended."""
    with connect(context) as vault:
        found = vault.drill_schedules.list()
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found,
        (
            ("name", lambda s: s.name),
            ("of", _of),
            ("every", lambda s: f"{s.every_days} d at {s.at}Z"),
            ("next", lambda s: _day(s.next_at) if s.next_at else "paused"),
            ("last", lambda s: f"{_day(s.last.started_at)} {s.last.state or 'deleted'}" if s.last else "-"),
            ("in the way", lambda s: s.said or "-"),
        ),
        "No schedules: secondsite drill schedule set NAME --machine MACHINE --every 30d --at 02:00",
    )


@schedules.command()
def show(context: typer.Context, schedule: Name, as_json: Json = False) -> None:
    """A schedule: its settings, its next turn, what it started last, and what was in the way.

    Example: secondsite drill schedule show monthly"""
    with connect(context) as vault:
        _shown(vault.drill_schedules[schedule].show(), as_json)


@schedules.command()
def pause(context: typer.Context, schedule: Name, as_json: Json = False) -> None:
    """Start nothing until it is resumed. What has been started goes on.

    Example: secondsite drill schedule pause monthly"""
    _shown(_set_paused(context, schedule, paused=True), as_json)


@schedules.command()
def resume(context: typer.Context, schedule: Name, as_json: Json = False) -> None:
    """Start drills again; missed turns count as one.

    Example: secondsite drill schedule resume monthly"""
    _shown(_set_paused(context, schedule, paused=False), as_json)


@schedules.command()
def remove(context: typer.Context, schedule: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a schedule. What it has started goes on.

    Example: secondsite drill schedule remove monthly"""
    risk.accept_deletion("drill schedule", schedule, yes)
    with connect(context) as vault:
        vault.drill_schedules[schedule].delete()
    output.show_deleted("drill schedule", schedule, as_json)


def _set_paused(context: typer.Context, schedule: str, *, paused: bool) -> rest.DrillSchedule:
    with connect(context) as vault:
        seen = vault.drill_schedules[schedule].show()
        same = seen.model_dump(include=set(rest.DrillScheduleChange.model_fields), exclude={"machines"})
        machines = tuple(each.id for each in seen.machines)
        asked = rest.DrillScheduleChange.model_validate({**same, "machines": machines, "paused": paused})
        return vault.drill_schedules[schedule].set(asked, seen=seen)


def _of(schedule: rest.DrillSchedule) -> str:
    if schedule.plan is not None:
        return f"plan {schedule.plan}"
    return ", ".join(each.name for each in schedule.machines)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}Z"


def _shown(schedule: rest.DrillSchedule, as_json: bool) -> None:
    if as_json:
        output.show_json(schedule)
        return
    last = schedule.last
    facts = [
        ("name", schedule.name),
        ("of", _of(schedule)),
        ("every", f"{span(schedule.every_days * DAY)}, at {schedule.at} UTC"),
        ("network", schedule.network),
        ("subnet", schedule.subnet),
        ("dns servers", ", ".join(schedule.dns_servers) or None),
        ("if a proof fails", "the test machine stays" if schedule.keep_if_failed else None),
        ("next", _day(schedule.next_at) if schedule.next_at else "paused"),
        (
            "last",
            f"{_day(last.started_at)}, job {last.job_id[:10]} {last.state or 'deleted'}" if last else None,
        ),
        ("in the way", f"{schedule.said} (since {clock(schedule.said_at)})" if schedule.said_at else None),
    ]
    output.show_facts(facts)
