"""The verb that moves a committed machine's disks to the site's own storage."""

from collections.abc import Mapping
from typing import Annotated

import typer

from ...domain import errors
from ...domain.amounts import parse_rate
from ...wire import rest
from ...wire.common.disk_places import DiskCache, DiskFormat, DiskPlace
from .. import disk_places
from ..options import Json, MachineNames, NoWait
from ..risk import Yes
from .confirming import Confirmation, run


def settle(
    context: typer.Context,
    machines: MachineNames,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Where the disks go: a storage pool of the hypervisor ('virsh pool-list'), or the path of a "
            "folder on the host of the appliance, or, for a machine with one disk, of a block device or "
            "iscsi://HOST:PORT/TARGET/UNIT.",
        ),
    ] = None,
    form: Annotated[
        DiskFormat,
        typer.Option("--format", help="Their format there; on logical volumes, RBD and devices raw."),
    ] = DiskFormat.QCOW2,
    cache: Annotated[
        DiskCache | None,
        typer.Option("--cache", help="How QEMU caches them, from the machine's next start on."),
    ] = None,
    disk: Annotated[
        list[str] | None,
        typer.Option(
            "--disk",
            help="Where one disk goes: KEY=PLACE, or with another format or cache mode than the others: "
            "KEY=PLACE:raw, KEY=PLACE:raw:none. May be given several times.",
        ),
    ] = None,
    limit: Annotated[
        str, typer.Option(help="How fast the disks of a machine are copied at most, such as 50MB/s.")
    ] = "unlimited",
    unencrypted: Annotated[
        bool,
        typer.Option(
            "--unencrypted",
            help="Also disks that are encrypted in the replica: they lie unencrypted in their new place.",
        ),
    ] = False,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Move the disks of a committed machine from the appliance's store to the site's own storage, while it
    runs. Cancelled, or ended by a later verb, it stays where it was."""
    placed, rate = disk_places.places(disk or [], form, cache), parse_rate(limit)
    if to is None and not placed:
        raise errors.InvalidArgument(
            "No place was given for the disks.",
            do="Give one with '--to', or for each with '--disk KEY=PLACE'.",
        )
    others = None if to is None else DiskPlace(place=to, format=form, cache=cache)
    about = Confirmation(
        lambda them: them.settle(
            to,
            disk_format=form,
            cache=cache,
            disks=placed,
            unencrypted=unencrypted,
            bytes_per_second=rate,
        ),
        lambda it: _told(it, others, placed, unencrypted),
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)


def _told(
    machine: rest.Machine, others: DiskPlace | None, placed: Mapping[str, DiskPlace], unencrypted: bool
) -> str:
    named = [f"{key} to {disk_places.shown(place)}" for key, place in placed.items()]
    all_else = (
        [] if others is None else [f"{'the others' if named else 'its disks'} to {disk_places.shown(others)}"]
    )
    there = machine.source_site if machine.state.value == "protected" else machine.target_site
    given = [*placed.values(), *(() if others is None else (others,))]
    is_lost = any(each.place.startswith(("/dev/", "iscsi://")) for each in given)
    devices = " What is on a device that is given is lost." if is_lost else ""
    plain = " Disks that are encrypted now lie unencrypted there." if unencrypted else ""
    return (
        f"moved at {there} while it runs: {', '.join([*named, *all_else])}. The recovery point that it was "
        f"started from is deleted there with what else the store has of it.{devices}{plain}"
    )
