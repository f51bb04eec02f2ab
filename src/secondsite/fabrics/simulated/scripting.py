"""Scripts in machines with a guest agent: how they end is a trait of the machine, and what they were told lies beside the machines."""

from __future__ import annotations

from ...domain import errors
from ..interface import PowerState
from ..scripting import GuestScript, ScriptEnd
from .host.faults import Faults
from .host.host import Host


class SimulatedScripting:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def run(self, fabric_id: str, script: GuestScript) -> ScriptEnd:
        with self._faults.around("scripting.run", fabric_id):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is not PowerState.RUNNING or not record.traits.guest_agent:
                raise errors.FabricError("its guest agent does not answer")
            folder = self._host.root / "scripts"
            folder.mkdir(exist_ok=True)
            with (folder / fabric_id).open("ab") as told:
                told.write(script.said + b"\n")
        return ScriptEnd(record.traits.script_status, " ".join(script.interpreter).encode())
