"""Notes and verdicts of machines' drills."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, Integer, String, Table, Text, bindparam, insert, select
from sqlalchemy.orm import Session

from ....domain.drills.verdicts import Verdict
from ....jobs.storage.prepared import PreparedStatement
from ....wire.common.numbers import LONGEST_NAME
from ....wire.common.points import RollForward
from ..sql import rows
from ..sql.columns import ShapeColumn, UtcDateTime, Word, metadata

SHOWN = 20
"""How many of its newest notes a machine is shown with: a drill every night makes a thousand in three
years."""


@dataclass(frozen=True, slots=True)
class DrillNote:
    machine_id: str
    notes: str
    point_id: str
    started_at: datetime
    completed_at: datetime
    requested_by: str
    forward: RollForward | None = None
    verdict: Verdict | None = None


# Evidence outlives the machine's protection, so there is no foreign key.
DRILL_NOTES = Table(
    "drill_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("notes", Text, nullable=False),
    Column("point_id", String(LONGEST_NAME), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("forward", ShapeColumn(RollForward)),
    Column("verdict", Word(Verdict)),
    Index("ix_drill_notes_machine_id", "machine_id"),
)

_NOTES = DRILL_NOTES
_OF_MACHINE = select(*(_NOTES.c[field.name] for field in dataclasses.fields(DrillNote))).where(
    _NOTES.c.machine_id == bindparam("wanted")
)
_NOTES_OF = PreparedStatement(_OF_MACHINE.order_by(_NOTES.c.completed_at, _NOTES.c.id))
_NEWEST_OF = PreparedStatement(
    _OF_MACHINE.order_by(_NOTES.c.completed_at.desc(), _NOTES.c.id.desc()).limit(SHOWN)
)


class DrillNotes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, note: DrillNote) -> None:
        self._session.execute(insert(DRILL_NOTES).values(**rows.row(note)))

    def list(self, machine_id: str) -> Sequence[DrillNote]:
        """All of them, oldest first."""
        return [DrillNote(**row) for row in _NOTES_OF.all(self._session, {"wanted": machine_id})]

    def newest(self, machine_id: str) -> Sequence[DrillNote]:
        """The last ones, oldest first."""
        found = [DrillNote(**row) for row in _NEWEST_OF.all(self._session, {"wanted": machine_id})]
        return found[::-1]
