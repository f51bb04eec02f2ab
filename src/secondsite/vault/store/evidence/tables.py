"""The rows of evidence. They name jobs and machines without foreign keys: evidence outlives both."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from ..columns import Shaped, UtcDateTime
from ..tables import metadata

evidence = Table(
    "evidence",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("job_id", String(64), nullable=False),
    Column("verb", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("sites", Shaped(tuple[tuple[str, ...], ...]), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("document", Text, nullable=False),
)

evidence_pictures = Table(
    "evidence_pictures",
    metadata,
    Column("evidence_id", String(80), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("png", LargeBinary, nullable=False),
)
