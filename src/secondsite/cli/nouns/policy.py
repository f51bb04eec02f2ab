"""secondsite policy ..."""

from typing import Annotated

import typer

from ...wire import rest
from .. import output
from ..options import Json, connect
from ..output import span

app = typer.Typer(
    no_args_is_help=True, help="Replication policies: how often points are made, how long they stay."
)
Name = Annotated[str, typer.Argument(help="Name of the policy.", show_default=False)]
Seconds = Annotated[int, typer.Option(help="In seconds.")]
Journal = Annotated[
    int,
    typer.Option(help="For how many seconds any cycle can be recovered, not only points; 0: points only."),
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All policies."""
    with connect(context) as client:
        policies = client.policies()
    if as_json:
        output.show_json(policies)
        return
    output.show_table(
        policies,
        (
            ("name", lambda p: p.name),
            ("RPO threshold", lambda p: span(p.rpo_threshold_seconds)),
            ("retention", lambda p: span(p.retention_seconds)),
            ("crash every", lambda p: span(p.crash_consistent_every_seconds)),
            (
                "app every",
                lambda p: span(p.app_consistent_every_seconds) if p.app_consistent_every_seconds else "off",
            ),
            ("cycle", lambda p: span(p.cycle_seconds)),
            ("journal", lambda p: span(p.journal_seconds) if p.journal_seconds else "off"),
            ("machines", lambda p: p.used_by),
            ("", lambda p: "read-only" if p.read_only else ""),
        ),
        "No policies: secondsite policy add NAME",
    )


@app.command()
def add(
    context: typer.Context,
    name: Name,
    rpo_threshold: Seconds = 900,
    retention: Seconds = 86400,
    crash_consistent_every: Seconds = 300,
    app_consistent_every: Seconds = 3600,
    cycle: Annotated[float, typer.Option(help="Seconds between deltas.")] = 5,
    journal: Journal = 3600,
    as_json: Json = False,
) -> None:
    """A new policy."""
    policy = _policy(
        name, rpo_threshold, retention, crash_consistent_every, app_consistent_every, cycle, journal
    )
    with connect(context) as client:
        _said(client.add_policy(policy), as_json)


@app.command()
def update(
    context: typer.Context,
    name: Name,
    rpo_threshold: Seconds = 900,
    retention: Seconds = 86400,
    crash_consistent_every: Seconds = 300,
    app_consistent_every: Seconds = 3600,
    cycle: Annotated[float, typer.Option(help="Seconds between deltas.")] = 5,
    journal: Journal = 3600,
    as_json: Json = False,
) -> None:
    """New values for a policy; the appliances of its machines are told."""
    policy = _policy(
        name, rpo_threshold, retention, crash_consistent_every, app_consistent_every, cycle, journal
    )
    with connect(context) as client:
        _said(client.update_policy(policy), as_json)


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Removes a policy that no machine uses."""
    with connect(context) as client:
        client.remove_policy(name)
    output.show_removed("policy", name, as_json)


def _policy(
    name: str, rpo: int, retention: int, crash: int, app_every: int, cycle: float, journal: int
) -> rest.PolicyCreate:
    return rest.PolicyCreate(
        name=name,
        rpo_threshold_seconds=rpo,
        retention_seconds=retention,
        crash_consistent_every_seconds=crash,
        app_consistent_every_seconds=app_every,
        cycle_seconds=cycle,
        journal_seconds=journal,
    )


def _said(policy: rest.PolicyInfo, as_json: bool) -> None:
    if as_json:
        output.show_json(policy)
    else:
        output.say(f"policy {policy.name} is set")
