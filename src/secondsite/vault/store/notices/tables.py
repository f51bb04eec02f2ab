"""The rows of notices. They name machines by their ids, without foreign keys: what happened to a machine outlives its protection."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from ....domain.notices.happenings import Happening
from ....domain.notices.targets import NoticeTarget
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

targets = Table(
    "notice_targets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("target", Shaped(NoticeTarget), nullable=False),
    Column("secret", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Apart from the targets: these are changed by people, and what is written here with each message takes nothing of that back.
deliveries = Table(
    "notice_deliveries",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("sent_at", UtcDateTime),
    Column("said", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("given_up", Integer, nullable=False),
)

claims = Table(
    "notice_claims",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

marks = Table(
    "notice_marks",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("machine_id", String(64), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("machine", String(200), nullable=False),
    Column("present", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Column("times", Integer, nullable=False),
)

# `number` is their order.
notices = Table(
    "notices",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), nullable=False),
    Column("happening", Shaped(Happening), nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("message_id", String(64)),
    Column("ended_at", UtcDateTime),
    Column("given_up", Boolean, nullable=False),
    Index("ix_notices_unsent", "ended_at", "target_id", "message_id", "critical"),
)
