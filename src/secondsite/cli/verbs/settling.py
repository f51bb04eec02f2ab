"""The verb that moves a committed machine's disks to the site's own storage."""

from collections.abc import Mapping, Sequence
from typing import Annotated, get_args

import typer

from ...domain import errors
from ...domain.amounts import parse_rate
from ...wire import rest
from ...wire.rest.verbs import DiskCache, DiskFormat, DiskPlace
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
    placed, rate = places(disk or [], form, cache), parse_rate(limit)
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


def places(
    given: Sequence[str], form: DiskFormat, cache: DiskCache | None, option: str = "--disk KEY"
) -> dict[str, DiskPlace]:
    """--disk vda=POOL, vda=POOL:raw or vda=POOL:raw:none: where it goes, by key. `option`: what was given,
    and what it names. Raises InvalidArgument."""
    found: dict[str, DiskPlace] = {}
    for each in given:
        key, equals, rest_of_it = each.partition("=")
        where, mode = _cut(rest_of_it, get_args(DiskCache))
        where, named = _cut(where, [one.value for one in DiskFormat])
        if not (equals and key and where) or (mode and not named):
            word, _, name = option.partition(" ")
            raise errors.InvalidArgument(
                f"{word} is '{each}'.",
                do=f"Give {name}=PLACE, or {name}=PLACE:qcow2, {name}=PLACE:raw; or with a cache mode "
                f"besides: {name}=PLACE:raw:none.",
            )
        told = {"place": where, "format": named or form, "cache": mode or cache}
        found[key] = DiskPlace.model_validate(told)
    return found


def _cut(text: str, words: Sequence[str]) -> tuple[str, str | None]:
    """A text and the word behind its last colon, if it ends with one of these."""
    before, colon, last = text.rpartition(":")
    return (before, last) if colon and last in words else (text, None)


def _told(
    machine: rest.Machine, others: DiskPlace | None, placed: Mapping[str, DiskPlace], unencrypted: bool
) -> str:
    named = [f"{key} to {shown(place)}" for key, place in placed.items()]
    all_else = [] if others is None else [f"{'the others' if named else 'its disks'} to {shown(others)}"]
    there = machine.source_site if machine.state.value == "protected" else machine.target_site
    given = [*placed.values(), *(() if others is None else (others,))]
    is_lost = any(each.place.startswith(("/dev/", "iscsi://")) for each in given)
    devices = " What is on a device that is given is lost." if is_lost else ""
    plain = " Disks that are encrypted now lie unencrypted there." if unencrypted else ""
    return (
        f"moved at {there} while it runs: {', '.join([*named, *all_else])}. The recovery point that it was "
        f"started from is deleted there with what else the store has of it.{devices}{plain}"
    )


def shown(place: DiskPlace) -> str:
    """A place with its format and cache mode, for people."""
    mode = f", cache {place.cache} from its next start on" if place.cache else ""
    return f"{place.place} ({place.format.value}{mode})"
