"""Which agents a person wants upgraded: a file for each, which the running appliance takes up, and in which
it answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from ....ground import durable
from ....ground.lockfile import LockFile

ALONE_SECONDS: Final = 10.0


class Upgrade(BaseModel):
    """A program that an agent is to become. `said`: how it went, a sentence; None until then. `began`: the
    appliance has taken it up."""

    model_config = ConfigDict(frozen=True)

    program: Path
    version: str
    sha256: str
    began: bool = False
    done: bool = False
    said: str | None = None

    def is_of_the_program(self, other: Upgrade) -> bool:
        return (self.version, self.sha256) == (other.version, other.sha256)

    def stands_in_the_way_of(self, other: Upgrade) -> bool:
        """Whether it is under way, and to another program."""
        return self.said is None and not self.is_of_the_program(other)


class Upgrades:
    """Those of a folder, by the agents' ids. Safe against other processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "upgrades"

    def all(self) -> Mapping[str, Upgrade]:
        """What cannot be read counts as not wanted."""
        found = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                found[path.stem] = Upgrade.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
        return found

    def order(self, agent_ids: Iterable[str], wanted: Upgrade) -> tuple[str, Upgrade] | None:
        """Have these agents become that program. If one of them is becoming another one nothing is ordered:
        then it is given, with what it becomes. The second order's answer was that of the first one. Raises
        OSError."""
        ordered = list(agent_ids)
        with self._alone():
            before = self.all()
            for agent_id in ordered:
                if agent_id in before and before[agent_id].stands_in_the_way_of(wanted):
                    return agent_id, before[agent_id]
            for agent_id in ordered:
                if agent_id not in before or before[agent_id].said is not None:
                    self.put(agent_id, wanted)
        return None

    def change(self, agent_id: str, wanted: Upgrade, **changed: Any) -> bool:
        """Note how far it is; False if it is not what is wanted any more. Raises OSError."""
        with self._alone():
            found = self.all().get(agent_id)
            if found is None or not found.is_of_the_program(wanted):
                return False
            self.put(agent_id, found.model_copy(update=changed))
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = LockFile(self._folder / "lock")
        if not lock.take(ALONE_SECONDS):
            raise TimeoutError(f"{lock.path} has been locked for {ALONE_SECONDS:.0f} s")
        try:
            yield
        finally:
            lock.release()

    def put(self, agent_id: str, upgrade: Upgrade) -> None:
        """Raises OSError."""
        durable.write(self._path(agent_id), upgrade.model_dump_json())

    def remove(self, agent_id: str) -> None:
        durable.remove(self._path(agent_id))

    def _path(self, agent_id: str) -> Path:
        return self._folder / f"{agent_id}.json"
