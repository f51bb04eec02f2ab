"""Which agents a person wants upgraded: a file for each, which the running appliance takes up, and in which
it answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ....ground import durable


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

    def put(self, agent_id: str, upgrade: Upgrade) -> None:
        """Raises OSError."""
        durable.write(self._path(agent_id), upgrade.model_dump_json())

    def remove(self, agent_id: str) -> None:
        durable.remove(self._path(agent_id))

    def _path(self, agent_id: str) -> Path:
        return self._folder / f"{agent_id}.json"
