"""What is set for single machines, each in a row."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ....wire.common.cards import CardSettings
from ... import ports
from .. import rows
from .tables import machine_settings


class SqlMachineSettings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def cards(self, machine_id: str) -> Sequence[CardSettings]:
        query = select(machine_settings).where(machine_settings.c.machine_id == machine_id)
        found = rows.one(self._session, ports.MachineSettingsRecord, query)
        return () if found is None else found.cards

    def list(self) -> Sequence[ports.MachineSettingsRecord]:
        return rows.many(self._session, ports.MachineSettingsRecord, select(machine_settings))

    def put(self, settings: ports.MachineSettingsRecord) -> None:
        rows.upsert(self._session, machine_settings, rows.row(settings))
