"""The RPO series: a small row per machine and ten minutes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ....domain import rpo
from ... import ports
from .. import rows, tables

BLOCKS = tables.rpo_blocks
COLUMNS = BLOCKS.c


class SqlRpoBlocks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def fill(self, begins_at: datetime, measured: Mapping[str, rpo.Block]) -> None:
        query = select(COLUMNS.machine_id, COLUMNS.slots).where(COLUMNS.begins_at == begins_at)
        there = {machine_id: rpo.unpack(slots) for machine_id, slots in self._session.execute(query)}
        protected = set(self._session.execute(select(tables.machines.c.id)).scalars())
        # Always in the same order, so that two vault processes cannot lock each other out.
        values = [
            {
                "machine_id": each,
                "begins_at": begins_at,
                "slots": rpo.pack({**measured[each], **there.get(each, {})}),
            }
            for each in sorted(measured)
            if each in protected and not measured[each].keys() <= there.get(each, {}).keys()
        ]
        rows.upsert_many(self._session, BLOCKS, values)

    def list(self, machine_id: str, since: datetime) -> Sequence[ports.RpoBlock]:
        where = (COLUMNS.machine_id == machine_id) & (COLUMNS.begins_at > since - rpo.BLOCK)
        query = select(COLUMNS.begins_at, COLUMNS.slots).where(where).order_by(COLUMNS.begins_at)
        found = self._session.execute(query)
        return [ports.RpoBlock(machine_id, begins_at, rpo.unpack(slots)) for begins_at, slots in found]

    def forget(self, before: datetime) -> None:
        self._session.execute(delete(BLOCKS).where(COLUMNS.begins_at < before))
