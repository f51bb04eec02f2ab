"""What a person decided of a machine that is to come home to other disks than its own: a file of its own."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ....domain.errors import FabricError
from ....ground import durable


class OtherDisks(BaseModel):
    """`chosen`: which disk of the server stands for which of the machine, by the machine's keys; others are
    chosen by their size. `overwrite`: disks whose content may go. A disk is named by its serial number, by
    its key or by its name there."""

    model_config = ConfigDict(frozen=True)

    chosen: dict[str, str] = Field(default_factory=dict)
    overwrite: tuple[str, ...] = ()


class OtherDisksOf:
    """Of all machines of an appliance; other processes write the files, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "other-disks"

    def find(self, agent_id: str) -> OtherDisks | None:
        """None: it comes home to its own. Raises FabricError for a file that cannot be read."""
        path = self._path(agent_id)
        try:
            return OtherDisks.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as problem:
            raise FabricError(
                f"{path} cannot be read: {problem}", do="Remove it, and choose the disks again."
            ) from problem

    def keep(self, agent_id: str, decided: OtherDisks) -> None:
        durable.write(self._path(agent_id), decided.model_dump_json())

    def forget(self, agent_id: str) -> None:
        """Harmless if nothing was decided."""
        if self._path(agent_id).exists():
            durable.remove(self._path(agent_id))

    def _path(self, agent_id: str) -> Path:
        return self._folder / f"{agent_id}.json"
