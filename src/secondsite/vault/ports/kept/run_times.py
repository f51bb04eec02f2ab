"""What runs of machines took: kept when their jobs are deleted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ....domain.lifecycle import Verb
from ....domain.prediction.timing import Part


@dataclass(frozen=True, slots=True)
class RunTimeRecord:
    """Of one run that succeeded, the way from `source_site` to `target_site`; in seconds. `predicted` is what was known before it."""

    job_id: str
    machine_id: str
    verb: Verb
    source_site: str
    target_site: str
    ended_at: datetime
    parts: Mapping[Part, float]
    downtime: float | None
    predicted: float | None


class RunTimes(Protocol):
    def add(self, records: Sequence[RunTimeRecord]) -> None:
        """Those that are there already stay; of each machine, verb and way only the newest are kept."""

    def of_machines(
        self, machine_ids: Collection[str], verbs: Collection[Verb] = tuple(Verb)
    ) -> Sequence[RunTimeRecord]:
        """Their runs of these verbs, the newest first."""

    def between(self, source_site: str, target_site: str, limit: int) -> Sequence[RunTimeRecord]:
        """Of all machines that way, the newest first."""

    def of_job(self, job_id: str) -> RunTimeRecord | None: ...
