"""Requests that wait for a second person's approval, and the setting that names the verbs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

from sqlalchemy import Column, Float, Integer, String, Table, Text, delete, or_, select, update
from sqlalchemy.orm import Session

from ...domain.access.approvals import OPEN, Rules, Stage
from ...domain.access.roles import Permission
from ...wire.common.points import RollForward
from .machines.records import MachineRecord
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, Word, metadata


@dataclass(frozen=True, slots=True)
class AskedMachine:
    """A machine as it was when a request named it: which way it went, what it had been failed over to, and
    the number of its test failover."""

    id: str
    name: str
    source_site: str
    target_site: str
    failed_over_at: datetime | None = None
    failed_over_point_id: str | None = None
    failed_over_forward: RollForward | None = None
    drill_generation: int = 0

    @classmethod
    def of(cls, machine: MachineRecord) -> Self:
        return cls(**{each.name: getattr(machine, each.name) for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request as it was made, to be repeated exactly. `path` is below /api and quoted; `machines` are the
    ids of those that it names, and the editions of what else it names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    machines: tuple[str, ...] = ()
    understood: str | None = None
    """The body as the route understands it, for the second person; None: it was kept by an earlier
    release."""
    about: tuple[AskedMachine, ...] = ()
    """The machines that it names; none also if an earlier release kept it."""


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """A request for approval. `token_sha256` is that of the asker's secret; `by` whoever granted or refused
    it, with `why`. `tried` is why carrying it out failed last."""

    number: int
    stage: Stage
    verb: str
    permission: Permission
    request: PendingRequest
    request_sha256: str
    who: str
    token_id: str
    token_sha256: str
    site: str | None
    address: str
    asked_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    by: str | None = None
    by_sha256: str | None = None
    why: str = ""
    tried: str = ""
    code: int | None = None
    job_id: str | None = None


# Requests that wait for a second person's approval, or have waited.
APPROVALS = Table(
    "approvals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("stage", Word(Stage), nullable=False),
    Column("verb", String(64), nullable=False),
    Column("permission", Word(Permission), nullable=False),
    Column("request", ShapeColumn(PendingRequest), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("who", Text, nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("token_sha256", String(64), nullable=False),
    Column("site", String(63)),
    Column("address", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("by", Text),
    Column("by_sha256", String(64)),
    Column("why", Text, nullable=False),
    Column("tried", Text, nullable=False),
    Column("code", Integer),
    Column("job_id", String(64)),
)

# One row.
APPROVAL_RULES = Table(
    "approval_rules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("verbs", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("lasts_seconds", Float, nullable=False),
    Column("last_number", Integer, nullable=False),
)


class Approvals:
    def __init__(self, session: Session) -> None:
        self._session = session

    def rules(self) -> Rules:
        found = self._session.execute(select(APPROVAL_RULES)).mappings().one()
        return Rules(found["verbs"], found["lasts_seconds"])

    def set_rules(self, rules: Rules) -> None:
        self._session.execute(
            update(APPROVAL_RULES).values(verbs=rules.verbs, lasts_seconds=rules.lasts_seconds)
        )

    def next_number(self) -> int:
        """A number that was never given before. Call it while no other transaction asks."""
        self._session.execute(update(APPROVAL_RULES).values(last_number=APPROVAL_RULES.c.last_number + 1))
        return int(self._session.execute(select(APPROVAL_RULES.c.last_number)).scalar_one())

    def put(self, record: ApprovalRecord) -> None:
        rows.upsert(self._session, APPROVALS, rows.row(record))

    def find(self, number: int) -> ApprovalRecord | None:
        query = select(APPROVALS).where(APPROVALS.c.number == number)
        return rows.one(self._session, ApprovalRecord, query)

    def open(self) -> Sequence[ApprovalRecord]:
        return self.list(tuple(OPEN), 10**6)

    def list(
        self, stages: Sequence[Stage], limit: int, before: int | None = None
    ) -> Sequence[ApprovalRecord]:
        """Newest first; no stages: all."""
        query = select(APPROVALS).order_by(APPROVALS.c.number.desc()).limit(limit)
        if stages:
            query = query.where(APPROVALS.c.stage.in_(stages))
        if before is not None:
            query = query.where(APPROVALS.c.number < before)
        return rows.many(self._session, ApprovalRecord, query)

    def forget(self, ended_before: datetime, up_to: int) -> None:
        """Delete requests that ended before then, and all ended ones up to this number."""
        old = or_(APPROVALS.c.ended_at < ended_before, APPROVALS.c.number <= up_to)
        self._session.execute(delete(APPROVALS).where(APPROVALS.c.ended_at.is_not(None), old))
