"""Verbs of drills and failovers, and what follows them until the failover is committed or taken back."""

from typing import Annotated

import typer

from ...domain.points import RecoveryPointChoice
from ..options import Json, MachineNames, NoWait, WithoutSite
from . import instants
from .instants import At, Choice, Point
from .running import run


def test_failover(
    context: typer.Context,
    machines: MachineNames,
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    network: Annotated[
        str,
        typer.Option(
            help="'create' an isolated network, 'none', or the name of an existing network at the target."
        ),
    ] = "create",
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """A drill: run a copy in an isolated network. Production and replication are not disturbed."""
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST_PROCESSED)
    run(
        context,
        machines,
        lambda them: them.test_failover(choice=start.choice, point=start.point, at=start.at, network=network),
        no_wait,
        as_json,
    )


def cleanup_test_failover(
    context: typer.Context,
    machines: MachineNames,
    notes: Annotated[str, typer.Option(help="What was seen; kept with the drill's record.")] = "",
    without_site: WithoutSite = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End a drill: remove the test machine and its network, keep the notes."""
    run(
        context,
        machines,
        lambda them: them.cleanup_test_failover(notes=notes, without_site=without_site),
        no_wait,
        as_json,
    )


def failover(
    context: typer.Context,
    machines: MachineNames,
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    shut_down: Annotated[
        bool,
        typer.Option(
            "--shut-down", help="Try to shut the source down and send its last changes; goes on if it can't."
        ),
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """The source is in trouble: start the machines at the target. Never waits for a dead site."""
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST)
    run(
        context,
        machines,
        lambda them: them.failover(
            choice=start.choice, point=start.point, at=start.at, shut_down_source=shut_down
        ),
        no_wait,
        as_json,
    )


def planned_failover(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Move machines without losing a write: also the way back (failback). Both sites must be up."""
    run(context, machines, lambda them: them.planned_failover(), no_wait, as_json)


def change_recovery_point(
    context: typer.Context,
    machines: MachineNames,
    point: Point = None,
    choice: Choice = None,
    at: At = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Start the failed-over machine from another point or another instant. Possible until commit."""
    start = instants.start(choice, point, at, RecoveryPointChoice.CUSTOM)
    run(
        context,
        machines,
        lambda them: them.change_recovery_point(choice=start.choice, point=start.point, at=start.at),
        no_wait,
        as_json,
    )


def commit(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Accept the failover: keep its point, delete the others."""
    run(context, machines, lambda them: them.commit(without_site=without_site), no_wait, as_json)


def cancel_failover(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Undo a planned failover before commit: the old machine runs again and replication goes on."""
    run(context, machines, lambda them: them.cancel_failover(without_site=without_site), no_wait, as_json)
