"""The rows of pictures: beside the jobs, whose rows are read much more often."""

from sqlalchemy import Column, Index, LargeBinary, String, Table

from ..columns import UtcDateTime
from ..tables import metadata

pictures = Table(
    "job_pictures",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("png", LargeBinary, nullable=False),
    Index("ix_job_pictures_taken_at", "taken_at"),
)
