"""The verb that moves a committed machine's disks to the site's own storage."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from ...domain import errors
from ...domain.amounts import parse_rate
from ...wire import rest
from ...wire.rest.verbs import DiskFormat
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
            "folder on the host of the appliance, or, for a machine with one disk, of a block device.",
        ),
    ] = None,
    form: Annotated[
        DiskFormat,
        typer.Option("--format", help="Their format there; on logical volumes and block devices raw."),
    ] = DiskFormat.QCOW2,
    disk: Annotated[
        list[str] | None,
        typer.Option(
            "--disk",
            help="Where one disk goes: KEY=PLACE, in the format --format, or KEY=PLACE:qcow2, KEY=PLACE:raw. "
            "May be given several times.",
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
    placed, rate = places(disk or [], form), parse_rate(limit)
    if to is None and not placed:
        raise errors.InvalidArgument(
            "No place was given for the disks.",
            do="Give one with '--to', or for each with '--disk KEY=PLACE'.",
        )
    about = Confirmation(
        lambda them: them.settle(
            to, disk_format=form, disks=placed, unencrypted=unencrypted, bytes_per_second=rate
        ),
        lambda it: _told(it, to, form, placed, unencrypted),
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)


def places(given: Sequence[str], form: DiskFormat) -> dict[str, tuple[str, str]]:
    """--disk vda=POOL or vda=POOL:raw: place and format by key. Raises InvalidArgument."""
    found: dict[str, tuple[str, str]] = {}
    for each in given:
        key, equals, place = each.partition("=")
        before, colon, last = place.rpartition(":")
        is_format = colon and last in [one.value for one in DiskFormat]
        where, named = (before, last) if is_format else (place, form.value)
        if not (equals and key and where):
            raise errors.InvalidArgument(
                f"--disk is '{each}'.", do="Give KEY=PLACE, or KEY=PLACE:qcow2, or KEY=PLACE:raw."
            )
        found[key] = where, named
    return found


def _told(
    machine: rest.Machine,
    to: str | None,
    form: DiskFormat,
    placed: Mapping[str, tuple[str, str]],
    unencrypted: bool,
) -> str:
    named = [f"{key} to {where} ({named})" for key, (where, named) in placed.items()]
    others = [] if to is None else [f"{'the others' if named else 'its disks'} to {to} ({form.value})"]
    there = machine.source_site if machine.state.value == "protected" else machine.target_site
    devices = " What is on a block device that is given is lost." if _names_devices(to, placed) else ""
    plain = " Disks that are encrypted now lie unencrypted there." if unencrypted else ""
    return (
        f"moved at {there} while it runs: {', '.join([*named, *others])}. The recovery point that it was "
        f"started from is deleted there with what else the store has of it.{devices}{plain}"
    )


def _names_devices(to: str | None, placed: Mapping[str, tuple[str, str]]) -> bool:
    return any(where.startswith("/dev/") for where in (to or "", *(where for where, _ in placed.values())))
