"""The RPO series: a small row per machine and ten minutes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, delete, select
from sqlalchemy.orm import Session

from ....domain import rpo_samples
from ..sql import rows
from ..sql.columns import UtcDateTime, metadata
from .records import MACHINES


@dataclass(frozen=True, slots=True)
class RpoBlock:
    """Ten minutes of a machine's RPO series."""

    machine_id: str
    begins_at: datetime
    slots: rpo_samples.Block


# Ten minutes of a machine's RPO in one small row, as domain.rpo packs them.
RPO_BLOCKS = Table(
    "rpo_blocks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("begins_at", UtcDateTime, primary_key=True),
    Column("slots", LargeBinary, nullable=False),
    Index("ix_rpo_blocks_begins_at", "begins_at"),
)

BLOCKS = RPO_BLOCKS
COLUMNS = BLOCKS.c


class RpoBlocks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def fill(self, begins_at: datetime, measured: Mapping[str, rpo_samples.Block]) -> None:
        """Write slots of many machines (by id) that are under protection; a slot that is filled already stays
        as it is."""
        query = select(COLUMNS.machine_id, COLUMNS.slots).where(COLUMNS.begins_at == begins_at)
        there = {machine_id: rpo_samples.unpack(slots) for machine_id, slots in self._session.execute(query)}
        protected = set(self._session.execute(select(MACHINES.c.id)).scalars())
        # Always in the same order: two vault processes would otherwise wait for each other.
        values = [
            {
                "machine_id": each,
                "begins_at": begins_at,
                "slots": rpo_samples.pack({**measured[each], **there.get(each, {})}),
            }
            for each in sorted(measured)
            if each in protected and not measured[each].keys() <= there.get(each, {}).keys()
        ]
        rows.upsert_many(self._session, BLOCKS, values)

    def list(self, machine_id: str, since: datetime) -> Sequence[RpoBlock]:
        """The machine's blocks that end after `since`, oldest first."""
        where = (COLUMNS.machine_id == machine_id) & (COLUMNS.begins_at > since - rpo_samples.BLOCK)
        query = select(COLUMNS.begins_at, COLUMNS.slots).where(where).order_by(COLUMNS.begins_at)
        found = self._session.execute(query)
        return [RpoBlock(machine_id, begins_at, rpo_samples.unpack(slots)) for begins_at, slots in found]

    def packed(self, begin_at: Sequence[datetime]) -> Iterator[tuple[str, bytes]]:
        """The blocks of all machines that begin at these instants, by machine id, as they are kept."""
        for each in begin_at:
            query = select(COLUMNS.machine_id, COLUMNS.slots).where(COLUMNS.begins_at == each)
            yield from ((row.machine_id, row.slots) for row in self._session.execute(query))

    def forget(self, before: datetime) -> None:
        """Delete the blocks that begin before then."""
        self._session.execute(delete(BLOCKS).where(COLUMNS.begins_at < before))
