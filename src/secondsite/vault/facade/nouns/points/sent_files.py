"""Files of a point on their way to whoever asked for them, and what is kept of that: an entry of the audit
log at its beginning, and one at its end."""

import json
import socket
from dataclasses import dataclass

from .....domain.access.chain import Entry, Outcome
from .....wire.control.ways import END
from ....fleet.ways import AwaitedWay
from ....store import MachineRecord
from ...acts import append
from ...parts import Parts
from ...shared import dialled_ways

SENT = "sent files"
"""The verb of the audit log's entry for the end."""


@dataclass(frozen=True, slots=True)
class FilesOnTheWay:
    """An archive that is being sent. `line` is the end at which it comes out. Whoever has it calls `close`
    once it has ended."""

    parts: Parts
    way: AwaitedWay
    machine: MachineRecord
    point_id: str
    path: str

    @property
    def id(self) -> str:
        return self.way.id

    @property
    def line(self) -> socket.socket:
        return self.way.line

    def is_whole(self) -> bool:
        """Whether the appliance has said that this was all of it, before it ended."""
        return self.parts.ways.told(self.id) == END

    def why_not(self) -> str | None:
        """Why it has to end now; None if it may go on. Asks the database."""
        return None if dialled_ways.is_valid(self.parts, self.parts.caller) else dialled_ways.INVALID

    def close(self, _received_bytes: int, sent_bytes: int, why: str) -> None:
        """Close it, and keep how much was sent, and how it ended."""
        told = self.parts.ways.told(self.id)
        dialled_ways.leave(self.parts, self.way)
        said = {None: why, END: "all of it was sent"}.get(told, told)
        with self.parts.store.transaction() as tx:
            append(tx, self._entry(sent_bytes, said))

    def _entry(self, sent_bytes: int, why: str | None) -> Entry:
        caller, machine = self.parts.caller, self.machine
        told = {
            "machines": sorted((machine.name, machine.id)),
            "path": self.path,
            "sent_bytes": sent_bytes,
            "why": why,
        }
        return Entry(
            at=self.parts.now(), who=caller.name, token_id=caller.token_id, address=caller.address, verb=SENT,
            object=f"/machines/{machine.id}/points/{self.point_id}/send-files", outcome=Outcome.DONE,
            details=json.dumps(told),
        )  # fmt: skip
