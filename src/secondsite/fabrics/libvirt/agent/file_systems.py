"""What a guest's own kernel says of the file systems that it has mounted from its disks, told by the agent.

No command runs in the guest; files are read."""

import contextlib
from collections.abc import Sequence
from typing import Any

import pydantic

from ....domain import errors
from ...seeing import FileSystem
from .files import AskedGuest

MOST_SYSTEMS = 64
MOUNTS, TABLE = "/proc/1/mounts", "/etc/fstab"
COUNTED = "/sys/fs/ext4/{name}/errors_count"
COUNTING = frozenset({"ext2", "ext3", "ext4"})


class _Mount(pydantic.BaseModel):
    name: str
    path: str = pydantic.Field(alias="mountpoint")
    kind: str = pydantic.Field(alias="type")


def of(domain: Any) -> tuple[FileSystem, ...]:
    """The file systems that the guest has mounted. Raises FabricError, DeadlineExceeded."""
    agent = AskedGuest(domain)
    mounted = agent.ask(list[_Mount], "guest-get-fsinfo")[:MOST_SYSTEMS]
    options, wanted = _options(agent.read(MOUNTS)), {}
    with contextlib.suppress(errors.FabricError):
        wanted = _options(agent.read(TABLE))
    return tuple(
        _found(agent, each, options.get(each.path, ()), wanted.get(each.path, ())) for each in mounted
    )


def _found(agent: AskedGuest, each: _Mount, has: Sequence[str], meant: Sequence[str]) -> FileSystem:
    counted = _counted(agent, each.name) if each.kind in COUNTING else None
    return FileSystem(each.path, each.kind, "ro" in has, "ro" in meant, counted)


def _counted(agent: AskedGuest, name: str) -> int | None:
    if "/" in name:
        return None
    try:
        return int(agent.read(COUNTED.format(name=name)))
    except ValueError:
        return None


def _options(table: str) -> dict[str, tuple[str, ...]]:
    """The mount options by mount point, from a table as fstab(5) describes it. Of several mounts at one place
    the last one counts."""
    rows = [line.split() for line in table.splitlines() if not line.startswith("#")]
    return {_plain(row[1]): tuple(row[3].split(",")) for row in rows if len(row) > 3}


def _plain(path: str) -> str:
    for sign in (" ", "\t", "\n", "\\"):
        path = path.replace(f"\\{ord(sign):03o}", sign)
    return path
