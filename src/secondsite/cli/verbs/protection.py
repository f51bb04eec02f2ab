"""Verbs that begin, change and end protection."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ...domain import errors
from ...wire.rest import Location
from ..options import Json, MachineNames, NoWait, WithoutSite
from ..risk import Yes
from . import returning
from .confirming import Confirmation, run

DiskKeys = Annotated[
    list[str], typer.Option("--disk", help="Key of the disk, such as vdb. May be given several times.")
]


def enable_protection(
    context: typer.Context,
    machines: MachineNames,
    source: Annotated[str, typer.Option("--source", help="Site where the machines run.")],
    target: Annotated[str, typer.Option("--target", help="Site that will hold their replicas.")],
    target_appliance: Annotated[
        str | None,
        typer.Option(
            "--target-appliance",
            help="Which appliance of the target site will hold them, if it has several; by default each "
            "is placed on the host that is filled the least, of those that have the memory for it.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Which store of that appliance their replicas are kept in; by default the one named "
            "default. "
            "'secondsite site show SITE' lists them."
        ),
    ] = None,
    policy: Annotated[str, typer.Option(help="Replication policy.")] = "default",
    disk: Annotated[
        list[str] | None, typer.Option("--disk", help="Only these disks: KEY or MACHINE:KEY.")
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            "--seed",
            help="A copy of a disk that was shipped to the target: KEY=PATH or MACHINE:KEY=PATH, a path on "
            "the target appliance's host. Only what differs from it travels.",
        ),
    ] = None,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt the replica with the key of the target's appliance.")
    ] = False,
    apart: Annotated[
        str | None,
        typer.Option(
            help="A word of your own, such as db-cluster: machines that have the same are never placed on "
            "one host of the target site.",
            metavar="WORD",
        ),
    ] = None,
    together: Annotated[
        str | None,
        typer.Option(
            help="A word of your own: machines that have the same are placed on one host of the target site, "
            "as far as it takes them.",
            metavar="WORD",
        ),
    ] = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect machines: copy their disks to the target site and keep them in step from then on."""
    run(
        context,
        machines,
        lambda them: them.enable_protection(
            source,
            target,
            target_appliance=target_appliance,
            store=store,
            policy=policy,
            disks=chosen(disk or [], them.names),
            seeds=seeds(seed or [], them.names),
            encrypt=encrypt,
            apart=apart,
            together=together,
        ),
        no_wait,
        as_json,
    )


def disable_protection(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    runs_nowhere: Annotated[
        bool,
        typer.Option(
            "--runs-nowhere",
            help=(
                "Also of a machine that was failed over and runs at neither site. Nobody brings it up any "
                "more; its files stay, and the job says where."
            ),
        ),
    ] = False,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End protection: replication stops, replica and recovery points are deleted. The machine itself is
    untouched."""
    about = Confirmation(
        lambda them: them.disable_protection(without_site=without_site, runs_nowhere=runs_nowhere),
        lambda it: (
            f"it is not protected any more; its replica and its recovery points at {it.target_site} are "
            "deleted"
        ),
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)


def reprotect(
    context: typer.Context,
    machines: MachineNames,
    location: Annotated[
        Location,
        typer.Option(help="original: onto the old disks, only changes travel. alternate: a full copy."),
    ] = Location.ORIGINAL,
    target_appliance: Annotated[
        str | None,
        typer.Option(
            "--target-appliance",
            "--appliance",
            help="Which appliance will hold the replica, of the site that they came from or of another; "
            "by default the one that had the machine. With --location alternate any one, else one that has "
            "disks of it. 'secondsite machine appliances MACHINE' lists them.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="In which store of the appliance there new disks are made, and arriving data and recovery "
            "points are kept; a replica that is there already stays where it is."
        ),
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(
            "--seed",
            help="With --location alternate: a copy of a disk that was shipped there, KEY=PATH or "
            "MACHINE:KEY=PATH, a path on that appliance's host. Only what differs from it travels.",
        ),
    ] = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Protect committed machines back to the site that they came from, or on to a further one."""
    how = {
        Location.ORIGINAL: "the old disks there take over what has changed since; what was only on them is lost",  # noqa: E501
        Location.ALTERNATE: "a full copy is sent" if not seed else "what differs from the seed is sent",
    }
    about = Confirmation(
        lambda them: them.reprotect(
            location=location,
            target_appliance=target_appliance,
            store=store,
            seeds=seeds(seed or [], them.names),
        ),
        lambda it: (
            f"protected from {it.target_site} to "
            f"{it.source_site if target_appliance is None else f'appliance {target_appliance}'}; "
            f"{how[location]}"
        ),
        yes=yes,
        more=lambda machine: returning.told(machine.reprotect_preview(location, target_appliance)),
    )
    run(context, machines, about, no_wait, as_json)


def resynchronize(
    context: typer.Context,
    machines: MachineNames,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Compare every block of source and replica, and send only those that differ."""
    run(context, machines, lambda them: them.resynchronize(), no_wait, as_json)


def update_names(
    context: typer.Context,
    machines: MachineNames,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Let DNS names point to where machines run now, if a move could not see to it: secondsite machine
    update-names web01."""
    run(context, machines, lambda them: them.update_names(), no_wait, as_json)


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


# Disks of several machines, as people name them: --disk and --seed.


def chosen(given: Sequence[str], machines: Sequence[str]) -> dict[str, list[str]]:
    """--disk vda for all machines, or --disk web01:vda for one. Raises InvalidArgument."""
    found: dict[str, list[str]] = {}
    for each in given:
        machine, _, key = each.rpartition(":")
        for name in [machine] if machine else machines:
            found.setdefault(name, []).append(key)
    unknown = [name for name in found if name not in machines]
    if unknown:
        raise errors.InvalidArgument(
            f"--disk names {', '.join(unknown)}, which is not among the machines given."
        )
    return found


def seeds(given: Sequence[str], machines: Sequence[str]) -> dict[str, dict[str, str]]:
    """--seed vda=/path for the one machine, or --seed web01:vda=/path. Raises InvalidArgument."""
    found: dict[str, dict[str, str]] = {}
    for each in given:
        disk, given_path, path = each.partition("=")
        machine, _, key = disk.rpartition(":")
        if not (given_path and path and key):
            raise errors.InvalidArgument(f"--seed is '{each}'.", do="Give KEY=PATH or MACHINE:KEY=PATH.")
        if not machine and len(machines) > 1:
            raise errors.InvalidArgument(
                f"--seed '{each}' does not say of which machine.", do="Give MACHINE:KEY=PATH."
            )
        found.setdefault(machine or machines[0], {})[key] = path
    return found
