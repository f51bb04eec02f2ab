"""What is set for single machines, each in a row."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import Prepared
from ....wire.common.cards import CardSettings
from ... import ports
from .. import rows
from .tables import machine_settings

_OF_MACHINE = Prepared(select(machine_settings).where(machine_settings.c.machine_id == bindparam("wanted")))


class SqlMachineSettings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def cards(self, machine_id: str) -> Sequence[CardSettings]:
        found = _OF_MACHINE.one(self._session, {"wanted": machine_id})
        return () if found is None else ports.MachineSettingsRecord(**found).cards

    def list(self) -> Sequence[ports.MachineSettingsRecord]:
        return rows.many(self._session, ports.MachineSettingsRecord, select(machine_settings))

    def put(self, settings: ports.MachineSettingsRecord) -> None:
        rows.upsert(self._session, machine_settings, rows.row(settings))
