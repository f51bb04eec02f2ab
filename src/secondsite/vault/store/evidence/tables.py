"""The rows of evidence. They name jobs and machines without foreign keys: evidence outlives both."""

from collections.abc import Mapping

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, Text

from ....domain.lifecycle import Verb
from ....domain.prediction.timing import Part
from ..columns import Shaped, UtcDateTime, Word
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

run_times = Table(
    "run_times",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("verb", Word(Verb), nullable=False),
    Column("source_site", String(63), nullable=False),
    Column("target_site", String(63), nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("parts", Shaped(Mapping[Part, float]), nullable=False),
    Column("downtime", Float),
    Column("predicted", Float),
    Index("ix_run_times_machine_id", "machine_id"),
    Index("ix_run_times_way", "source_site", "target_site", "ended_at"),
)
