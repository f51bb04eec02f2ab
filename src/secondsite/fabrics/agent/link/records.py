"""What is kept of each agent: a file of its own in the folder `known`, and in `heard` what it told last."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from ....domain.errors import FabricError, NotFound
from ....ground import durable
from ....ground.lockfile import LockFile

log = structlog.get_logger(__name__)

Kind = Literal["machine", "rescue"]
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOCK_SECONDS: Final = 10.0
OVERLAP: Final = timedelta(hours=1)
"""So long a certificate is accepted after its successor was used: readers end by themselves meanwhile."""
MOST_CERTIFICATES: Final = 64
"""Of one agent; at a renewal every two months those of ten years."""


class Accepted(BaseModel):
    """A certificate by which an agent comes in, until then. `ends` is what it says itself. `shown`: an agent
    came by it, so that it lies on the machine's disks, and in points of them."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    kind: Kind
    until: datetime
    ends: datetime | None = None
    shown: bool = True


class Record(BaseModel):
    """An agent. Without certificates it was revoked. Those that the machine had before stay: a point from
    then has one of them on its disks. `home_until`: it comes home, from whichever point. `is_guest`: it was
    enrolled at another appliance, and is let in as long as its machine runs here."""

    model_config = ConfigDict(frozen=True)

    agent_id: str
    name: str
    enrolled_at: datetime
    certificates: tuple[Accepted, ...] = ()
    home_until: datetime | None = None
    is_guest: bool = False

    def accepts(self, fingerprint: str, now: datetime) -> Accepted | None:
        if self.is_guest:
            return None
        found = next((each for each in self.certificates if each.fingerprint == fingerprint), None)
        return found if found is not None and now < self._until(found) else None

    def _until(self, certificate: Accepted) -> datetime:
        if self.home_until is None or certificate.kind != "machine":
            return certificate.until
        return max(certificate.until, self.home_until)

    @property
    def valid_since(self) -> datetime | None:
        """When the first one of the machine's certificates ends that was not revoked: its copy at the other
        site may be of a point from then."""
        ends = [each.ends or each.until for each in self.certificates if each.kind == "machine"]
        return min(ends, default=None)

    def having(self, new: Accepted, kept: Iterable[Accepted]) -> Record:
        """With a new certificate beside those that are kept, the latest of them."""
        return self.model_copy(update={"certificates": (*list(kept)[1 - MOST_CERTIFICATES :], new)})


class Heard(BaseModel):
    """When an agent was last heard, and how it greeted."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    hello: Mapping[str, Any]


Stamp = tuple[int, int, int]


class Records:
    """All agents of a folder, which the process and a person's commands change together. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[Stamp, Record]] = {}
        self._unreadable: set[str] = set()

    def all(self) -> Sequence[Record]:
        """By name."""
        found = (self._readable(path.stem) for path in self._known.glob("*.json"))
        return sorted(
            (each for each in found if each is not None), key=lambda each: (each.name, each.agent_id)
        )

    def _readable(self, agent_id: str) -> Record | None:
        """One that cannot be read takes none of the others away; it is logged once."""
        try:
            return self.find(agent_id)
        except FabricError as problem:
            if agent_id not in self._unreadable:
                self._unreadable.add(agent_id)
                log.error("agent.unreadable", agent_id=agent_id, problem=problem.message)
            return None

    def find(self, agent_id: str) -> Record | None:
        """As its file says now. Raises FabricError for a file that cannot be read."""
        path = self._path(agent_id)
        try:
            stamp = _stamp(path)
            kept = self._kept.get(agent_id)
            if kept is None or kept[0] != stamp:
                kept = self._kept[agent_id] = stamp, Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as problem:
            raise FabricError(
                f"{path} cannot be read: {problem}", do="Put it back from a backup."
            ) from problem
        return kept[1]

    def named(self, text: str) -> Record:
        """The agent with this name or id. Raises NotFound for none, or several of one name."""
        found = [each for each in self.all() if text in (each.agent_id, each.name)]
        if len(found) == 1:
            return found[0]
        many = "No agent" if not found else f"More than one agent ({len(found)})"
        raise NotFound(
            f"{many} is known as '{text}'.", do="'secondsite appliance agents list' shows the ids."
        )

    def change(self, agent_id: str, changed: Callable[[Record | None], Record]) -> Record:
        """Keep what `changed` makes of the record. Raises FabricError, OSError."""
        with self._alone():
            record = changed(self.find(agent_id))
            durable.write(self._path(agent_id), record.model_dump_json(indent=1))
            return record

    def forget(self, agent_id: str) -> None:
        """Nothing is kept of it any more. Raises FabricError, OSError."""
        with self._alone():
            durable.remove(self._path(agent_id))
            self._heard(agent_id).unlink(missing_ok=True)

    def heard(self, agent_id: str) -> Heard | None:
        """None if it was never heard, or that was lost."""
        try:
            return Heard.model_validate_json(self._heard(agent_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def note_heard(self, agent_id: str, heard: Heard) -> None:
        """May be lost in a power cut."""
        durable.replace(self._heard(agent_id), heard.model_dump_json())

    @property
    def _known(self) -> Path:
        return self._folder / "known"

    def _path(self, agent_id: str) -> Path:
        return self._known / f"{_checked(agent_id)}.json"

    def _heard(self, agent_id: str) -> Path:
        return self._folder / "heard" / f"{_checked(agent_id)}.json"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = LockFile(self._folder / "lock")
        if not lock.take(LOCK_SECONDS, look_every_seconds=0.01):
            raise FabricError(
                f"Another process has kept {lock.path} locked for {LOCK_SECONDS:.0f} s.", do="Try again."
            )
        try:
            yield
        finally:
            lock.release()


def _checked(agent_id: str) -> str:
    if not ID.fullmatch(agent_id):
        raise FabricError(
            f"'{agent_id[:64]}' is no agent's id.", do="Look at 'secondsite appliance agents list'."
        )
    return agent_id


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
