"""Pictures of screens: not in the jobs' rows, which are read much more often."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, String, Table, delete, select
from sqlalchemy.orm import Session

from .sql import rows
from .sql.columns import UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """The screen of the machine that a job started, as a PNG."""

    job_id: str
    taken_at: datetime
    png: bytes


PICTURES = Table(
    "job_pictures",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("png", LargeBinary, nullable=False),
    Index("ix_job_pictures_taken_at", "taken_at"),
)


class Pictures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, picture: PictureRecord) -> None:
        """The job's picture, in place of an earlier one."""
        rows.upsert(self._session, PICTURES, rows.row(picture))

    def find(self, job_id: str) -> PictureRecord | None:
        return rows.one(self._session, PictureRecord, select(PICTURES).where(PICTURES.c.job_id == job_id))

    def forget(self, older_than: datetime) -> None:
        """Delete pictures that were taken before then."""
        self._session.execute(delete(PICTURES).where(PICTURES.c.taken_at < older_than))
