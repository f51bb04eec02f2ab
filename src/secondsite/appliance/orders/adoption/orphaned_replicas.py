"""A replica that lies in a store, and with which this appliance does not work: its home was lost, and another one has its store."""

from pathlib import Path

from pydantic import ValidationError

from .... import rescue
from ....domain import errors
from ....wire.common.machines import MachineDefinition
from ....wire.control.adopting import FoundReplica, FoundRun
from ..proof import booting

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


class OrphanedReplica:
    """As its files say. Raises ReplicaError if they cannot be read."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self._store = folder, store
        try:
            self._replica = rescue.read(folder)
            self.epoch = int(self._replica.record["epoch"])
            self.disks = tuple(str(disk["key"]) for disk in self._replica.record["disks"])
        except UNREADABLE as problem:
            raise errors.ReplicaError(
                f"The record of the replica in {folder} cannot be read: {problem}.",
                do=f"Its points' files may still boot: see {folder / 'points'}.",
            ) from problem

    @property
    def name(self) -> str:
        return self._replica.name

    def definition(self) -> MachineDefinition | None:
        """Of the newest point that has one."""
        for point in reversed(self._replica.points):
            if point.definition:
                try:
                    return MachineDefinition.model_validate(point.definition)
                except ValidationError:
                    continue
        return None

    def found(self) -> FoundReplica:
        """Without what a hypervisor has to be asked for."""
        record, points = self._replica.record, [each for each in self._replica.points if not each.problem]
        runs = [str(run["name"]) for run in record["runs"]]
        return FoundReplica(
            epoch=self.epoch,
            opened=False,
            points=len(points),
            newest_at=points[-1].taken_at if points else None,
            held=len(record.get("holds") or ()),
            verified=sum(point.grade in rescue.PROVEN for point in points),
            committed_point_id=record.get("committed_point_id") if self._replica.is_committed else None,
            run=self._run(),
            drills=sum(name not in (rescue.RUN, booting.RUN) for name in runs),
            key_id=self._replica.key_id,
            store=self._store,
        )

    def _run(self) -> FoundRun | None:
        run = self._replica.run
        return None if run is None else FoundRun(point_id=str(run["point_id"]))
