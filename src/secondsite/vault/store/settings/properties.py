"""What single machines are to be like at their second sites, each in a row."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import Prepared
from ....wire.common.properties import TargetProperties
from ... import ports
from .. import rows
from .tables import machine_properties

_OF_MACHINE = Prepared(
    select(machine_properties).where(machine_properties.c.machine_id == bindparam("wanted"))
)


class SqlMachineProperties:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> TargetProperties:
        found = _OF_MACHINE.one(self._session, {"wanted": machine_id})
        return TargetProperties() if found is None else ports.MachinePropertiesRecord(**found).properties

    def list(self) -> Sequence[ports.MachinePropertiesRecord]:
        return rows.many(self._session, ports.MachinePropertiesRecord, select(machine_properties))

    def put(self, properties: ports.MachinePropertiesRecord) -> None:
        rows.upsert(self._session, machine_properties, rows.row(properties))
