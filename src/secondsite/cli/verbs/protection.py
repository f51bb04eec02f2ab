"""Verbs that begin, change and end protection."""

from typing import Annotated

import typer

from ...wire.rest import Location
from ..options import Json, MachineNames, NoWait, WithoutSite
from . import disks
from .running import run

DiskKeys = Annotated[
    list[str], typer.Option("--disk", help="Key of the disk, such as vdb. May be given several times.")
]


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
            help="A copy of a disk that was shipped to the target: KEY=PATH or MACHINE:KEY=PATH, a path on the target "
            "appliance's host. Only what differs from it travels.",
        ),
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt the replica with the key of the target's appliance.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect machines: copy their disks to the target site and keep them in step from then on."""
    chosen, seeds = disks.chosen(disk or [], machines), disks.seeds(seed or [], machines)
    run(
        context,
        machines,
        lambda them: them.enable_protection(
            source, target, policy=policy, disks=chosen, seeds=seeds, encrypt=encrypt
        ),
        no_wait,
        as_json,
    )


def disable_protection(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End protection: replication stops, replica and recovery points are deleted. The machine itself is untouched."""
    run(context, machines, lambda them: them.disable_protection(without_site=without_site), no_wait, as_json)


def reprotect(
    context: typer.Context,
    machines: MachineNames,
    location: Annotated[
        Location,
        typer.Option(help="original: onto the old disks, only changes travel. alternate: a full copy."),
    ] = Location.ORIGINAL,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect committed machines back to the site that they came from."""
    run(context, machines, lambda them: them.reprotect(location=location), no_wait, as_json)


def resynchronize(
    context: typer.Context, machines: MachineNames, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Compare every block of source and replica, and send only those that differ."""
    run(context, machines, lambda them: them.resynchronize(), no_wait, as_json)


def include_disk(
    context: typer.Context,
    machines: MachineNames,
    disk: DiskKeys,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect a disk that was added later, or left out: only it is copied, and the others go on."""
    run(context, machines, lambda them: them.include_disk(*disk), no_wait, as_json)


def exclude_disk(
    context: typer.Context,
    machines: MachineNames,
    disk: DiskKeys,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Leave a disk out from now on. Points that have it keep it; its copy goes with the last of them."""
    run(context, machines, lambda them: them.exclude_disk(*disk), no_wait, as_json)
