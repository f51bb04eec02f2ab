"""The options that say from which instant to start: --choice, --point or --at."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer

from ...domain import errors
from ...domain.points import RecoveryPointChoice
from .. import times

Choice = Annotated[
    RecoveryPointChoice | None,
    typer.Option(
        "--choice",
        help="Which recovery point. latest: process what was sent, then the newest. latest_processed: the "
        "newest that is ready (fastest). latest_app_consistent: the newest that the applications agreed to. "
        "latest_verified: the newest from which a machine was started that proved that it runs. custom: "
        "--point.",
        show_default=False,
    ),
]
Failback = Annotated[
    RecoveryPointChoice | None,
    typer.Option(
        "--choice",
        help="Only on the way home, in place of the last state: latest_app_consistent, or "
        "latest_multi_vm_app_consistent for machines with common points. 'secondsite point choices MACHINE "
        "--verb planned-failover' shows what each loses.",
        show_default=False,
    ),
]
Point = Annotated[
    str | None, typer.Option("--point", help="Id of a recovery point: 'secondsite point list MACHINE'.")
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        help="The newest cycle at or before this time (UTC), from the journal: 2026-11-20T08:15:30Z, or "
        "08:15:30 for today. 'secondsite point list MACHINE' shows the range.",
        metavar="TIME",
    ),
]


@dataclass(frozen=True, slots=True)
class Start:
    """What a verb starts from."""

    choice: RecoveryPointChoice
    point: str | None
    at: datetime | None


def start(
    choice: RecoveryPointChoice | None, point: str | None, at: str | None, default: RecoveryPointChoice
) -> Start:
    """The start that was given, or the default; raises InvalidArgument for --at together with another
    option."""
    options = {"--at": at, "--choice": choice, "--point": point}
    given = [option for option, value in options.items() if value is not None]
    if at is not None and len(given) > 1:
        raise errors.InvalidArgument(f"{' and '.join(given)} were given.", do="Give one of them.")
    if point is not None:
        default = RecoveryPointChoice.CUSTOM
    return Start(choice or default, point, None if at is None else times.instant(at, datetime.now(UTC)))
