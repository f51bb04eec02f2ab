"""The hooks of single machines, each machine's in a row."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import Prepared
from ....wire.common.hooks import MachineHook
from ... import ports
from .. import rows
from .tables import machine_hooks

_OF_MACHINE = Prepared(select(machine_hooks).where(machine_hooks.c.machine_id == bindparam("wanted")))


class SqlMachineHooks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, machine_id: str) -> Sequence[MachineHook]:
        found = _OF_MACHINE.one(self._session, {"wanted": machine_id})
        return () if found is None else ports.MachineHooksRecord(**found).hooks

    def all(self) -> Mapping[str, Sequence[MachineHook]]:
        found = rows.many(self._session, ports.MachineHooksRecord, select(machine_hooks))
        return {each.machine_id: each.hooks for each in found if each.hooks}

    def put(self, hooks: ports.MachineHooksRecord) -> None:
        rows.upsert(self._session, machine_hooks, rows.row(hooks))
