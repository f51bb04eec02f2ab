"""The verbs on machines, named as everywhere else, with dashes. Each starts a job and follows it to its end."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ..domain import errors
from ..domain.lifecycle import Verb
from ..domain.points import RecoveryPointChoice
from ..wire import rest
from ..wire.base import Shape
from . import follow, times
from .options import Json, MachineNames, NoWait, connect

Choice = Annotated[
    RecoveryPointChoice | None,
    typer.Option(
        "--choice",
        help="Which recovery point. latest: process what was sent, then the newest. latest_processed: the newest that "
        "is ready (fastest). latest_app_consistent: the newest that the applications agreed to. custom: --point.",
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
        help="The newest cycle at or before this time (UTC), from the journal: 2026-11-20T08:15:30Z, or 08:15:30 for "
        "today. 'secondsite point list MACHINE' shows the range.",
        metavar="TIME",
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the verbs to the noun 'machine'."""
    for function in (
        enable_protection,
        disable_protection,
        test_failover,
        cleanup_test_failover,
        failover,
        planned_failover,
        change_recovery_point,
        commit,
        cancel_failover,
        reprotect,
        resynchronize,
        include_disk,
        exclude_disk,
    ):
        app.command(function.__name__.replace("_", "-"))(function)


def _start(context: typer.Context, verb: Verb, request: Shape, no_wait: bool, as_json: bool) -> None:
    with connect(context) as client:
        ended = follow.to_its_end(client, client.start(verb, request), no_wait, as_json)
    raise typer.Exit(ended)


def _instant(
    at: str | None, choice: RecoveryPointChoice | None, point: str | None, default: RecoveryPointChoice
) -> dict[str, Any]:
    """What a verb starts from, as its request says it; only one of the three may be given."""
    given = [
        option
        for option, value in (("--at", at), ("--choice", choice), ("--point", point))
        if value is not None
    ]
    if at is not None and len(given) > 1:
        raise errors.InvalidArgument(f"{' and '.join(given)} were given.", do="Give one of them.")
    wanted = None if at is None else times.instant(at, datetime.now(UTC))
    return {"choice": choice or default, "point": point, "at": wanted}


def _disks(given: list[str], machines: list[str]) -> dict[str, tuple[str, ...]]:
    """--disk vda for all machines, or --disk web01:vda for one."""
    chosen: dict[str, list[str]] = {}
    for each in given:
        machine, _, key = each.rpartition(":")
        for name in [machine] if machine else machines:
            chosen.setdefault(name, []).append(key)
    unknown = [name for name in chosen if name not in machines]
    if unknown:
        raise errors.InvalidArgument(
            f"--disk names {', '.join(unknown)}, which is not among the machines given."
        )
    return {name: tuple(keys) for name, keys in chosen.items()}


def _seeds(given: list[str], machines: list[str]) -> dict[str, dict[str, str]]:
    """--seed vda=/path for the one machine, or --seed web01:vda=/path."""
    chosen: dict[str, dict[str, str]] = {}
    for each in given:
        disk, given_path, path = each.partition("=")
        machine, _, key = disk.rpartition(":")
        if not (given_path and path and key):
            raise errors.InvalidArgument(f"--seed is '{each}'.", do="Give KEY=PATH or MACHINE:KEY=PATH.")
        if not machine and len(machines) > 1:
            raise errors.InvalidArgument(
                f"--seed '{each}' does not say of which machine.", do="Give MACHINE:KEY=PATH."
            )
        chosen.setdefault(machine or machines[0], {})[key] = path
    return chosen


def enable_protection(
    context: typer.Context,
    machines: MachineNames,
    source: Annotated[str, typer.Option("--source", help="Site where the machines run.")],
    target: Annotated[str, typer.Option("--target", help="Site that will hold their replicas.")],
    policy: Annotated[str, typer.Option(help="Replication policy.")] = "default",
    disk: Annotated[
        list[str] | None, typer.Option("--disk", help="Only these disks: KEY or MACHINE:KEY.")
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            "--seed",
            help="A copy of a disk that was shipped to the target: KEY=PATH or MACHINE:KEY=PATH, a path at the target "
            "appliance's machine. Only what differs from it travels.",
        ),
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt the replica with the key of the target's appliance.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect machines: copy their disks to the target site and keep them in step from then on."""
    request = rest.EnableProtection(
        machines=tuple(machines),
        source_site=source,
        target_site=target,
        policy=policy,
        disks=_disks(disk or [], machines),
        seeds=_seeds(seed or [], machines),
        encrypt=encrypt,
    )
    _start(context, Verb.ENABLE_PROTECTION, request, no_wait, as_json)


def disable_protection(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """End protection: replication stops, replica and recovery points are deleted. The machine itself is untouched."""
    _start(
        context,
        Verb.DISABLE_PROTECTION,
        rest.DisableProtection(machines=tuple(machines)),
        no_wait,
        as_json,
    )


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
    start_from = _instant(at, choice, point, RecoveryPointChoice.LATEST_PROCESSED)
    request = rest.TestFailover(machines=tuple(machines), network=network, **start_from)
    _start(context, Verb.TEST_FAILOVER, request, no_wait, as_json)


def cleanup_test_failover(
    context: typer.Context,
    machines: MachineNames,
    notes: Annotated[str, typer.Option(help="What was seen; kept with the drill's record.")] = "",
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End a drill: remove the test machine and its network, keep the notes."""
    request = rest.CleanupTestFailover(machines=tuple(machines), notes=notes)
    _start(context, Verb.CLEANUP_TEST_FAILOVER, request, no_wait, as_json)


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
    start_from = _instant(at, choice, point, RecoveryPointChoice.LATEST)
    request = rest.Failover(machines=tuple(machines), shut_down_source=shut_down, **start_from)
    _start(context, Verb.FAILOVER, request, no_wait, as_json)


def planned_failover(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Move machines without losing a write: also the way back (failback). Both sites must be up."""
    _start(context, Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=tuple(machines)), no_wait, as_json)


def change_recovery_point(
    context: typer.Context,
    machines: MachineNames,
    point: Point = None,
    choice: Choice = None,
    at: At = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Start the failed-over machine from another point, or the cycle of a time. Possible until commit."""
    start_from = _instant(at, choice, point, RecoveryPointChoice.CUSTOM)
    request = rest.ChangeRecoveryPoint(machines=tuple(machines), **start_from)
    _start(context, Verb.CHANGE_RECOVERY_POINT, request, no_wait, as_json)


def commit(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Be content with the failover: its point is fixed, all other points are deleted."""
    _start(context, Verb.COMMIT, rest.Commit(machines=tuple(machines)), no_wait, as_json)


def cancel_failover(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Undo a planned failover before commit: the old machine runs again and replication goes on."""
    _start(context, Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=tuple(machines)), no_wait, as_json)


def reprotect(
    context: typer.Context,
    machines: MachineNames,
    location: Annotated[
        str,
        typer.Option(help="'original': onto the old disks, only changes travel. 'alternate': a full copy."),
    ] = "original",
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect committed machines back to the site that they came from."""
    if location not in ("original", "alternate"):
        raise errors.InvalidArgument(f"--location is '{location}'.", do="Use 'original' or 'alternate'.")
    request = rest.Reprotect.model_validate({"machines": machines, "location": location})
    _start(context, Verb.REPROTECT, request, no_wait, as_json)


def resynchronize(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Compare every block of source and replica, and send only those that differ."""
    _start(context, Verb.RESYNCHRONIZE, rest.Resynchronize(machines=tuple(machines)), no_wait, as_json)


Disks = Annotated[
    list[str], typer.Option("--disk", help="Key of the disk, such as vdb. May be given several times.")
]


def include_disk(
    context: typer.Context,
    machines: MachineNames,
    disk: Disks,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect a disk that was added later, or left out: only it is copied, and the others go on."""
    request = rest.IncludeDisk(machines=tuple(machines), disks=tuple(disk))
    _start(context, Verb.INCLUDE_DISK, request, no_wait, as_json)


def exclude_disk(
    context: typer.Context,
    machines: MachineNames,
    disk: Disks,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Leave a disk out from now on. Points that have it keep it; its copy goes with the last of them."""
    request = rest.ExcludeDisk(machines=tuple(machines), disks=tuple(disk))
    _start(context, Verb.EXCLUDE_DISK, request, no_wait, as_json)
