"""secondsite machine set: the machine's properties at its second site."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ...domain import errors
from ...domain.amounts import exact_size, span
from ...domain.machines.stand_ins import StandIn
from ...ground.plural import counted
from ...wire.common.disk_places import DiskFormat
from ...wire.common.properties import TargetProperties
from ...wire.rest.machine_settings import MachineProperties
from .. import amount_options, disk_places, output
from ..options import Json, MachineName, connect


class Property(StrEnum):
    NAME = "name"
    VCPUS = "vcpus"
    MEMORY = "memory"
    CPU_MODEL = "cpu-model"
    START_DELAY = "start-delay"
    APART = "apart"
    TOGETHER = "together"
    SETTLE = "settle"
    STAND_IN = "stand-in"


FIELDS = {
    Property.NAME: "target_name",
    Property.VCPUS: "vcpus",
    Property.MEMORY: "memory_bytes",
    Property.CPU_MODEL: "cpu_model",
    Property.START_DELAY: "start_delay_seconds",
    Property.APART: "apart",
    Property.TOGETHER: "together",
    Property.SETTLE: "settle",
    Property.STAND_IN: "stand_in",
}
STANDING = {
    StandIn.NOTHING: "nothing",
    StandIn.EMPTY: "an empty disk",
    StandIn.FILE_SYSTEM: "an empty file system",
}
OPTIONS = {
    field: f"--{field.removesuffix('_bytes').removesuffix('_seconds').replace('_', '-')}"
    for field in FIELDS.values()
}


def change(
    context: typer.Context,
    machine: MachineName,
    target_name: Annotated[
        str | None, typer.Option(help="Its name after a failover.", show_default=False)
    ] = None,
    vcpus: Annotated[
        int | None, typer.Option(help="How many vCPUs it has there.", show_default=False)
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            parser=amount_options.size,
            help="How much memory it has there: 512MiB, 4GiB.",
            metavar="SIZE",
            show_default=False,
        ),
    ] = None,
    cpu_model: Annotated[
        str | None,
        typer.Option(
            help=(
                "Which CPU model it has there: host-model, or a name that libvirt knows there, such as "
                "Nehalem."
            ),
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    start_delay: Annotated[
        int | None,
        typer.Option(
            parser=amount_options.whole_seconds,
            help="In a run of a plan it starts there this much later than the others of its group.",
            metavar="SPAN",
            show_default=False,
        ),
    ] = None,
    apart: Annotated[
        str | None,
        typer.Option(
            help="A word that it shares with machines that are never on one host with it there; its replica "
            "goes to another one if it has to, where hosts share a store.",
            metavar="WORD",
            show_default=False,
        ),
    ] = None,
    together: Annotated[
        str | None,
        typer.Option(
            help="A word that it shares with machines on whose host it is placed there, if that takes it; a "
            "replica that is elsewhere goes there by 'machine move-replica'.",
            metavar="WORD",
            show_default=False,
        ),
    ] = None,
    settle: Annotated[
        list[str] | None,
        typer.Option(
            help="Where a disk of it goes by itself once a failover is committed: KEY=PLACE, KEY=PLACE:raw "
            "or KEY=PLACE:raw:none, as of 'machine settle'; may be given again.",
            metavar="KEY=PLACE",
            show_default=False,
        ),
    ] = None,
    stand_in: Annotated[
        list[str] | None,
        typer.Option(
            help="What stands in there for a disk that was left out: KEY=nothing, KEY=empty or "
            "KEY=file-system; may be given again.",
            metavar="KEY=WHAT",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Its replication policy from now on, at whichever site it runs; history that it "
            "does not keep is deleted after the deletion delay.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    as_at_home: Annotated[
        list[Property] | None,
        typer.Option(help="What it has there as at home again; may be given again.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set a machine's policy; and its name, vCPUs, memory, CPU model, start delay, the places of its disks
    and what stands in for disks that were left out, at its second site, from its next start there on:
    'secondsite machine set web01 --target-name web01-dr --vcpus 2 --memory 1GiB'. At home it is always as it
    was. Refused if somebody changes it meanwhile."""
    stands = dict(_stand_in(each) for each in stand_in or [])
    placed = disk_places.places(settle or [], DiskFormat.QCOW2, None, "--settle KEY")
    given: dict[str, Any] = {
        "target_name": target_name,
        "vcpus": vcpus,
        "memory_bytes": memory,
        "cpu_model": cpu_model,
        "start_delay_seconds": start_delay,
        "apart": apart,
        "together": together,
        "settle": placed or None,
        "stand_in": stands or None,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    back = [FIELDS[each] for each in as_at_home or ()]
    _require_clear(wanted, back)
    with connect(context) as vault:
        handle = vault.machines[machine]
        kept = handle.set_policy(policy).policy if policy is not None else handle.show().policy
        seen = handle.properties()
        if placed:
            wanted["settle"] = {**seen.settle, **placed}
        if stands:
            wanted["stand_in"] = {**seen.stand_in, **stands}
        values = {**seen.edited(), **wanted, **dict.fromkeys(back)}
        found = handle.set_properties(_properties(values), seen=seen) if wanted or back else seen
    if as_json:
        output.show_json(found)
        return
    output.show_facts(
        [
            ("name", found.name),
            ("policy", kept),
            ("here", _own(found)),
            ("at the second site", described(found) or "as at home"),
        ]
    )
    if found.job_id is not None:
        output.say(f"its replica goes to another host: 'secondsite job follow {found.job_id[:10]}'")


def _stand_in(text: str) -> tuple[str, StandIn]:
    key, _, what = text.partition("=")
    if not key or what not in set(StandIn):
        raise errors.InvalidArgument(
            f"--stand-in {text}: that is no disk and what stands in for it.",
            do=f"Give KEY=WHAT, where WHAT is {', '.join(StandIn)}, such as vdb=file-system.",
        )
    return key, StandIn(what)


def _require_clear(wanted: dict[str, Any], back: list[str]) -> None:
    both = [name for name in back if name in wanted]
    if both:
        raise errors.InvalidArgument(
            f"{OPTIONS[both[0]]} was given, and that it is to be as at home.", do="Give one of the two."
        )


def _properties(values: dict[str, Any]) -> TargetProperties:
    try:
        return TargetProperties(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        found = error.errors()[0]
        raise errors.InvalidArgument(
            f"{OPTIONS[str(found['loc'][0])]}: {found['msg'].removeprefix('Value error, ')}.",
            do="See 'secondsite machine set --help'.",
        ) from None


def described(there: TargetProperties, *, drill: bool = False) -> str:
    """'web01-dr, 2 vCPUs, 1 GiB of memory'; '' if all is as at home. A test machine has a name of its own."""
    name = [] if there.target_name is None or drill else [there.target_name]
    later = [f"started {span(there.start_delay_seconds)} later in plans"] if there.start_delay_seconds else []
    beside = [] if there.apart is None else [f"kept apart by '{there.apart}'"]
    beside += [] if there.together is None else [f"kept together by '{there.together}'"]
    moved = [f"after a commit {key} to {disk_places.shown(place)}" for key, place in there.settle.items()]
    stands = [f"for {key}, which was left out, {STANDING[what]}" for key, what in there.stand_in.items()]
    return ", ".join([*name, *there.words, *later, *beside, *moved, *stands])


def _own(found: MachineProperties) -> str:
    return f"{counted(found.own_vcpus, 'vCPU')}, {exact_size(found.own_memory_bytes)} of memory"
