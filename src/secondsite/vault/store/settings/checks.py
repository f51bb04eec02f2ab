"""What is checked of single machines, each in a row."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import Prepared
from ....wire.common.machine_checks import MachineCheck
from ... import ports
from .. import rows
from .tables import machine_checks

_OF_MACHINE = Prepared(select(machine_checks).where(machine_checks.c.machine_id == bindparam("wanted")))


class SqlMachineChecks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> Sequence[MachineCheck]:
        found = _OF_MACHINE.one(self._session, {"wanted": machine_id})
        return () if found is None else ports.MachineChecksRecord(**found).checks

    def put(self, checks: ports.MachineChecksRecord) -> None:
        rows.upsert(self._session, machine_checks, rows.row(checks))
