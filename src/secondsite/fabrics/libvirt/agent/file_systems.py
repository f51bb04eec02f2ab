"""What a guest's own kernel says of the file systems that it has mounted from its disks, told by the agent.

No command runs in the guest; files are read: an agent that may not run commands may often do that."""

import base64
import contextlib
import time
from collections.abc import Sequence
from typing import Any, TypeVar

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

T = TypeVar("T")


class _Mount(pydantic.BaseModel):
    name: str
    path: str = pydantic.Field(alias="mountpoint")
    kind: str = pydantic.Field(alias="type")


class _Read(pydantic.BaseModel):
    content: str = pydantic.Field("", alias="buf-b64")


def of(domain: Any) -> tuple[FileSystem, ...]:
    """The file systems that the guest has mounted. Raises FabricError, DeadlineExceeded."""
    agent = _Agent(domain)
    mounted = agent.ask(list[_Mount], "guest-get-fsinfo")[:MOST_SYSTEMS]
    options, wanted = _options(agent.read(MOUNTS)), {}
    with contextlib.suppress(errors.FabricError):
        wanted = _options(agent.read(TABLE))
    return tuple(
        _found(agent, each, options.get(each.path, ()), wanted.get(each.path, ())) for each in mounted
    )


class _Agent:
    """The guest's agent, with a limit: all questions together take MOST_SECONDS at most, plus the command in
    progress then."""

    def __init__(self, domain: Any) -> None:
        self._domain = domain
        self._deadline = time.monotonic() + MOST_SECONDS

    def ask(self, kind: type[T], command: str, arguments: dict[str, Any] | None = None) -> T:
        if time.monotonic() > self._deadline:
            raise errors.DeadlineExceeded(f"its guest did not tell within {MOST_SECONDS:.0f} s")
        return guest.asked(self._domain, pydantic.TypeAdapter(kind), command, arguments)

    def read(self, path: str) -> str:
        opened = self.ask(int, "guest-file-open", {"path": path, "mode": "r"})
        try:
            said = self.ask(_Read, "guest-file-read", {"handle": opened, "count": MOST_BYTES})
        finally:
            with contextlib.suppress(errors.FabricError, errors.DeadlineExceeded):
                self.ask(dict[str, object], "guest-file-close", {"handle": opened})
        try:
            return base64.b64decode(said.content).decode(errors="replace")
        except ValueError as error:
            raise errors.FabricError(f"its guest agent's answer about {path} is not understood") from error


def _found(agent: _Agent, each: _Mount, has: Sequence[str], meant: Sequence[str]) -> FileSystem:
    counted = _counted(agent, each.name) if each.kind in COUNTING else None
    return FileSystem(each.path, each.kind, "ro" in has, "ro" in meant, counted)


def _counted(agent: _Agent, name: str) -> int | None:
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
