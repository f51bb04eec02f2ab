"""Copies of disks that were shipped to the target, as a person named them and as the target imports them."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from ...domain import errors
from ...domain.units import DAY
from ...jobs.context import StepContext
from ...jobs.outcomes import Done, Outcome, Wait
from ...wire import rest
from ...wire.checks import ImportSeed, SeedDisk
from ...wire.machines import MachineDefinition
from ...wire.orders import Kind
from .. import ports
from .ordering import Orders

IMPORT_SECONDS = 30 * DAY


def asked(request: rest.EnableProtection, name: str) -> dict[str, str]:
    """The paths for one machine, by disk key; raises InvalidArgument for a path or machine that cannot be meant."""
    strangers = [each for each in request.seeds if each not in request.machines]
    if strangers:
        raise errors.InvalidArgument(
            f"Seeds are named for {', '.join(strangers)}, which is not among the machines given."
        )
    paths = request.seeds.get(name, {})
    for key, path in paths.items():
        if not PurePosixPath(path).is_absolute():
            raise errors.InvalidArgument(
                f"The seed of disk {key} is '{path}'.",
                do="Give its whole path, as the machine of the target's appliance sees it.",
            )
    return dict(paths)


def require_disks(machine: str, disks: Iterable[str], keys: Iterable[str]) -> None:
    """Raises InvalidArgument for a seed of a disk that is not to be protected."""
    known = list(disks)
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise errors.InvalidArgument(
            f"Machine '{machine}' has no disk {', '.join(unknown)} to be protected, so a seed of it is of no use.",
            do=f"Its disks are {', '.join(known)}.",
        )


def of(arguments: Mapping[str, Any], definition: MachineDefinition) -> tuple[SeedDisk, ...]:
    """What a job was given, with the sizes that the disks have."""
    sizes = {disk.key: disk.size_bytes for disk in definition.disks}
    paths: Mapping[str, str] = arguments.get("seeds", {})
    return tuple(SeedDisk(key=key, path=path, size_bytes=sizes[key]) for key, path in paths.items())


def bring_in(
    give: Orders, ctx: StepContext, machine: ports.MachineRecord, wanted: tuple[SeedDisk, ...]
) -> Outcome:
    """The target copies them into the replica; its progress is the task's."""
    answer = give.give(
        ctx,
        machine.target_appliance_id,
        Kind.IMPORT_SEED,
        ImportSeed(seeds=wanted),
        machine_id=machine.id,
        deadline_seconds=IMPORT_SECONDS,
        why=f"importing the seed of {machine.name} at {machine.target_site}",
    )
    return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)
