"""Pictures of screens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """The screen of the machine that a job started, as a PNG."""

    job_id: str
    taken_at: datetime
    png: bytes


class Pictures(Protocol):
    def put(self, picture: PictureRecord) -> None:
        """The job's picture, in place of an earlier one."""

    def find(self, job_id: str) -> PictureRecord | None: ...
    def forget(self, older_than: datetime) -> None:
        """Delete those that were taken before."""
