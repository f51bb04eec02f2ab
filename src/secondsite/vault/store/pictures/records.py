"""Pictures, each in a row."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import pictures


class SqlPictures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, picture: ports.PictureRecord) -> None:
        rows.upsert(self._session, pictures, rows.row(picture))

    def find(self, job_id: str) -> ports.PictureRecord | None:
        return rows.one(
            self._session, ports.PictureRecord, select(pictures).where(pictures.c.job_id == job_id)
        )

    def forget(self, older_than: datetime) -> None:
        self._session.execute(delete(pictures).where(pictures.c.taken_at < older_than))
