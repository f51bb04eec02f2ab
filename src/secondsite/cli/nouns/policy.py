"""secondsite policy ..."""

from typing import Annotated

import typer

from ...domain import errors
from ...wire import rest
from .. import output
from ..options import Json, connect
from ..output import span

app = typer.Typer(
    no_args_is_help=True, help="Replication policies: how often points are made, how long they stay."
)
Name = Annotated[str, typer.Argument(help="Name of the policy.", metavar="POLICY", show_default=False)]
THRESHOLD = typer.Option(help="Seconds: an RPO above this is a finding.", metavar="SECONDS")
RETENTION = typer.Option(help="Seconds that points stay; 0 keeps the latest alone.", metavar="SECONDS")
CRASH = typer.Option(help="Seconds from one point to the next.", metavar="SECONDS")
APP = typer.Option(help="Seconds from one app-consistent point to the next; 0: none.", metavar="SECONDS")
CYCLE = typer.Option(help="Seconds between deltas.", metavar="SECONDS")
JOURNAL = typer.Option(
    help="Seconds for which any cycle can be recovered, not only points; 0: points only.", metavar="SECONDS"
)


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
    rpo_threshold: Annotated[int, THRESHOLD] = 900,
    retention: Annotated[int, RETENTION] = 86400,
    crash_consistent_every: Annotated[int, CRASH] = 300,
    app_consistent_every: Annotated[int, APP] = 3600,
    cycle: Annotated[float, CYCLE] = 5,
    journal: Annotated[int, JOURNAL] = 3600,
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
    rpo_threshold: Annotated[int | None, THRESHOLD] = None,
    retention: Annotated[int | None, RETENTION] = None,
    crash_consistent_every: Annotated[int | None, CRASH] = None,
    app_consistent_every: Annotated[int | None, APP] = None,
    cycle: Annotated[float | None, CYCLE] = None,
    journal: Annotated[int | None, JOURNAL] = None,
    as_json: Json = False,
) -> None:
    """New values for a policy; those not given stay. The appliances of its machines are told."""
    given = {
        "rpo_threshold_seconds": rpo_threshold,
        "retention_seconds": retention,
        "crash_consistent_every_seconds": crash_consistent_every,
        "app_consistent_every_seconds": app_consistent_every,
        "cycle_seconds": cycle,
        "journal_seconds": journal,
    }
    with connect(context) as client:
        now = next((each for each in client.policies() if each.name == name), None)
        if now is None:
            raise errors.NotFound(
                f"There is no policy '{name}'.", do="List them with 'secondsite policy list'."
            )
        present = now.model_dump(include=set(rest.PolicyCreate.model_fields))
        wanted = present | {field: value for field, value in given.items() if value is not None}
        _said(client.update_policy(rest.PolicyCreate.model_validate(wanted)), as_json)


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
