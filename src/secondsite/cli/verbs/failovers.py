"""Verbs of drills and failovers, and what follows them until the failover is committed or taken back."""

from typing import Annotated

import typer

from ...domain.points import RecoveryPointChoice
from ..options import Subnet, WithoutSite
from . import instants
from .instants import At, Choice, Point
from .running import Begin


def test_failover(
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    network: Annotated[
        str,
        typer.Option(
            help="'create' an isolated network, one for all machines; 'none'; or the name of an existing one at the target."
        ),
    ] = "create",
    subnet: Subnet = None,
) -> Begin:
    """A drill: run a copy in an isolated network. Production and replication are not disturbed."""
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST_PROCESSED)
    return lambda them: them.test_failover(
        choice=start.choice, point=start.point, at=start.at, network=network, subnet=subnet
    )


def cleanup_test_failover(
    notes: Annotated[str, typer.Option(help="What was seen; kept with the drill's record.")] = "",
    without_site: WithoutSite = None,
) -> Begin:
    """End a drill: remove the test machine and its network, keep the notes."""
    return lambda them: them.cleanup_test_failover(notes=notes, without_site=without_site)


def failover(
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    shut_down: Annotated[
        bool,
        typer.Option(
            "--shut-down", help="Try to shut the source down and send its last changes; goes on if it can't."
        ),
    ] = False,
) -> Begin:
    """The source is in trouble: start the machines at the target. Never waits for a dead site."""
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST)
    return lambda them: them.failover(
        choice=start.choice, point=start.point, at=start.at, shut_down_source=shut_down
    )


def planned_failover() -> Begin:
    """Move machines without losing a write: also the way back (failback). Both sites must be up."""
    return lambda them: them.planned_failover()


def change_recovery_point(point: Point = None, choice: Choice = None, at: At = None) -> Begin:
    """Start the failed-over machine from another point or another instant. Possible until commit."""
    start = instants.start(choice, point, at, RecoveryPointChoice.CUSTOM)
    return lambda them: them.change_recovery_point(choice=start.choice, point=start.point, at=start.at)


def commit(without_site: WithoutSite = None) -> Begin:
    """Accept the failover: keep its point, delete the others."""
    return lambda them: them.commit(without_site=without_site)


def cancel_failover(without_site: WithoutSite = None) -> Begin:
    """Undo a planned failover before commit: the old machine runs again and replication goes on."""
    return lambda them: them.cancel_failover(without_site=without_site)
