"""A cache of machines, so that a list does not decode the same hundreds of rows again and again."""

import threading
from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, bindparam, event, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import Columns, PreparedStatement, SubsetQuery
from ....wire.common import compact
from .records import MACHINES, MachineRecord

COLUMNS = MACHINES.c
VERSIONS = select(COLUMNS.id, COLUMNS.version)
_BY_ID = PreparedStatement(select(MACHINES).where(COLUMNS.id == bindparam("wanted")))
_VERSION_BY_ID = PreparedStatement(VERSIONS.where(COLUMNS.id == bindparam("wanted")))
SOME = SubsetQuery(select(MACHINES), COLUMNS.id)
MOST_REMEMBERED = 20_000


class DecodedMachines:
    """A cache of machines by version. Safe from any thread.

    A committed version of a machine never changes: every change writes another version
    (`MachineRecords.put`), and a record that is made anew under the same id, by the retry of an enable,
    begins with other numbers. So what was read of a version is true for whoever sees that version. Only
    transactions that read see committed versions alone: those that write do not use the cache.

    A standby of PostgreSQL that takes over may lack the last versions, and give their numbers to others: with
    the first lost connection everything is forgotten.
    """

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._machines: dict[str, MachineRecord] = {}
        event.listen(engine, "invalidate", lambda *_: self._forget())

    def machine(self, session: Session, machine_id: str) -> MachineRecord | None:
        there = _VERSION_BY_ID.one(session, {"wanted": machine_id})
        return None if there is None else self.of_version(session, machine_id, there["version"])

    def of_version(self, session: Session, machine_id: str, version: int) -> MachineRecord | None:
        """The machine in this version."""
        known = self._machines
        last = known.get(machine_id)
        if last is None or last.version != version:
            last = read(session, machine_id)
            self._keep(known, [last] if last else [])
        return last

    def machines(self, session: Session, versions: Iterable[Columns]) -> Sequence[MachineRecord]:
        """The machines with these (id, version), in their order."""
        wanted: dict[str, int] = dict(versions)
        known = self._machines
        found = {
            key: last
            for key, version in wanted.items()
            if (last := known.get(key)) is not None and last.version == version
        }
        if len(found) < len(wanted):
            missing = [key for key in wanted if key not in found]
            new = [MachineRecord(**row) for row in SOME.all(session, missing)]
            self._keep(known, new)
            found |= {each.id: each for each in new}
        return [found[key] for key in wanted if key in found]

    def _keep(self, known: dict[str, MachineRecord], new: Sequence[MachineRecord]) -> None:
        """Keep them in the cache that existed when they were read, so that nothing old comes back after a
        lost connection."""
        with self._lock:
            for machine in new:
                known.pop(machine.id, None)
                known[machine.id] = machine
                compact.kept(machine.definition)
            while len(known) > MOST_REMEMBERED:
                del known[next(iter(known))]

    def _forget(self) -> None:
        with self._lock:
            self._machines = {}


def read(session: Session, machine_id: str) -> MachineRecord | None:
    found = _BY_ID.one(session, {"wanted": machine_id})
    return None if found is None else MachineRecord(**found)
