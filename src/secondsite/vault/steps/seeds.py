"""Seeds: copies of disks that were shipped to the target, as a person names them and as the target imports
them."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from ...domain import errors
from ...wire import rest
from ...wire.common.machines import MachineDefinition
from ...wire.control.checks import SeedDisk


def asked(request: rest.EnableProtection | rest.Reprotect, name: str) -> dict[str, str]:
    """The paths for one machine, by disk key; raises InvalidArgument for a path or machine that is not
    possible."""
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
                do="Give its absolute path on the host of the target's appliance.",
            )
    return dict(paths)


def require_disks(machine: str, disks: Iterable[str], keys: Iterable[str]) -> None:
    """Raises InvalidArgument for a seed of a disk that is not to be protected."""
    known = list(disks)
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise errors.InvalidArgument(
            f"Machine '{machine}' has no disk {', '.join(unknown)} to be protected, so it needs no seed.",
            do=f"Its disks are {', '.join(known)}.",
        )


def of(paths: Mapping[str, str], definition: MachineDefinition) -> tuple[SeedDisk, ...]:
    """The seeds for an order: the paths of the job, with the sizes of the disks."""
    sizes = {disk.key: disk.size_bytes for disk in definition.disks}
    return tuple(SeedDisk(key=key, path=path, size_bytes=sizes[key]) for key, path in paths.items())
