"""What a guest's own kernel says of the file systems that it has mounted from its disks, told by the agent.

Nothing runs in the guest for it, files are read: an agent that may run no commands may often do that."""

import base64
import contextlib
import time
from typing import Any

import pydantic

from ....domain import errors
from ...seeing import FileSystem
from . import guest

MOST_SECONDS = 10.0
MOST_SYSTEMS = 64
MOST_BYTES = 64 * 1024
MOUNTS, TABLE = "/proc/1/mounts", "/etc/fstab"
COUNTED = "/sys/fs/ext4/{name}/errors_count"
COUNTING = frozenset({"ext2", "ext3", "ext4"})


class _Mounted(pydantic.BaseModel):
    name: str
    path: str = pydantic.Field(alias="mountpoint")
    kind: str = pydantic.Field(alias="type")


class _Read(pydantic.BaseModel):
    content: str = pydantic.Field("", alias="buf-b64")


def of(domain: Any) -> tuple[FileSystem, ...]:
    """Raises FabricError, DeadlineExceeded."""
    deadline = time.monotonic() + MOST_SECONDS
    mounted = guest.asked(domain, pydantic.TypeAdapter(list[_Mounted]), "guest-get-fsinfo")[:MOST_SYSTEMS]
    options, wanted = _options(_read(domain, MOUNTS)), {}
    with contextlib.suppress(errors.FabricError):
        wanted = _options(_read(domain, TABLE))
    found = []
    for each in mounted:
        if time.monotonic() > deadline:
            raise errors.DeadlineExceeded(f"its guest did not tell within {MOST_SECONDS:.0f} s")
        counted = _counted(domain, each.name) if each.kind in COUNTING else None
        has, meant = options.get(each.path, ()), wanted.get(each.path, ())
        found.append(FileSystem(each.path, each.kind, "ro" in has, "ro" in meant, counted))
    return tuple(found)


def _counted(domain: Any, name: str) -> int | None:
    if "/" in name:
        return None
    try:
        return int(_read(domain, COUNTED.format(name=name)))
    except ValueError:
        return None


def _read(domain: Any, path: str) -> str:
    opened = guest.asked(domain, pydantic.TypeAdapter(int), "guest-file-open", {"path": path, "mode": "r"})
    try:
        wanted = {"handle": opened, "count": MOST_BYTES}
        said = guest.asked(domain, pydantic.TypeAdapter(_Read), "guest-file-read", wanted)
    finally:
        with contextlib.suppress(errors.FabricError, errors.DeadlineExceeded):
            guest.asked(
                domain, pydantic.TypeAdapter(dict[str, object]), "guest-file-close", {"handle": opened}
            )
    try:
        return base64.b64decode(said.content).decode(errors="replace")
    except ValueError as error:
        raise errors.FabricError(f"its guest agent said what nobody understands of {path}") from error


def _options(table: str) -> dict[str, tuple[str, ...]]:
    """Of a table as fstab(5) describes it: the options by the place where each is mounted. The last mount of a place is the one seen."""
    rows = [line.split() for line in table.splitlines() if not line.startswith("#")]
    return {_plain(row[1]): tuple(row[3].split(",")) for row in rows if len(row) > 3}


def _plain(path: str) -> str:
    for sign in (" ", "\t", "\n", "\\"):
        path = path.replace(f"\\{ord(sign):03o}", sign)
    return path
