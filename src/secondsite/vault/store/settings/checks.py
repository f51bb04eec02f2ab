"""What is checked of single machines, each in a row."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ....wire.common.machine_checks import MachineCheck
from ... import ports
from .. import rows
from .tables import machine_checks


class SqlMachineChecks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> Sequence[MachineCheck]:
        query = select(machine_checks).where(machine_checks.c.machine_id == machine_id)
        found = rows.one(self._session, ports.MachineChecksRecord, query)
        return () if found is None else found.checks

    def put(self, checks: ports.MachineChecksRecord) -> None:
        rows.upsert(self._session, machine_checks, rows.row(checks))
