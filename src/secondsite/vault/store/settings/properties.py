"""What single machines are to be like at their second sites, each in a row."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ....wire.common.properties import TargetProperties
from ... import ports
from .. import rows
from .tables import machine_properties


class SqlMachineProperties:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> TargetProperties:
        query = select(machine_properties).where(machine_properties.c.machine_id == machine_id)
        found = rows.one(self._session, ports.MachinePropertiesRecord, query)
        return TargetProperties() if found is None else found.properties

    def list(self) -> Sequence[ports.MachinePropertiesRecord]:
        return rows.many(self._session, ports.MachinePropertiesRecord, select(machine_properties))

    def put(self, properties: ports.MachinePropertiesRecord) -> None:
        rows.upsert(self._session, machine_properties, rows.row(properties))
