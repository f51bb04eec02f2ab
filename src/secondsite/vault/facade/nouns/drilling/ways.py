"""Opens ways into the machines of drills, one for each request, and says when they have to end."""

import shlex
import socket
from dataclasses import dataclass, replace
from datetime import datetime

from .....domain import errors, shell
from .....domain.drills import ways as domain
from .....domain.drills.ways import DrillVisit, WayKind
from .....wire.control import orders
from .....wire.control.ways import OpenWay
from .....wire.rest.access.drill_passes import DrillWayQuery
from ....fleet.ways import AwaitedWay
from ....store import DrillRecord, MachineRecord
from ...parts import Parts
from ...shared import dialled_ways
from .. import machines
from . import passes, visits


@dataclass(frozen=True, slots=True)
class OpenDrillWay:
    """A way that is open. `line` is the person's end of it. Whoever has it calls `close` once it has
    ended."""

    parts: Parts
    line: socket.socket
    machine_id: str
    job_id: str
    visit: DrillVisit
    until: datetime
    """When its pass ends."""

    @property
    def id(self) -> str:
        return self.visit.id

    def is_whole(self) -> bool:
        """Whether its end is one: that of a conversation always is."""
        return True

    def why_not(self) -> str | None:
        """Why it has to end now; None if it may go on. Asks the database."""
        caller, now = self.parts.caller, self.parts.now()
        if not dialled_ways.is_valid(self.parts, caller):
            return dialled_ways.INVALID
        with self.parts.store.reading() as tx:
            machine = tx.machines.by_id(self.machine_id)
        if machine is None or machine.drill is None or machine.drill.job_id != self.job_id:
            return "the drill was cleaned up"
        if passes.held(machine.drill, caller.name, caller.since, now) is None:
            return "the pass has ended"
        return None

    def close(self, sent_bytes: int, received_bytes: int, why: str) -> None:
        """Close it, and keep what went through it."""
        self.line.close()
        self.parts.ways.leave(self.visit.id)
        ended = replace(
            self.visit, ended_at=self.parts.now(), sent_bytes=sent_bytes, received_bytes=received_bytes,
            why=why,
        )  # fmt: skip
        visits.ended(self.parts, self.parts.caller, self.machine_id, self.job_id, ended)


class DrillWays:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def open(self, machine: str, query: DrillWayQuery) -> OpenDrillWay:
        """Let the caller in. Raises NotFound; Forbidden without a pass; NotPossibleNow without an open drill,
        or if too many ways are open; InvalidArgument; and what the appliance raises."""
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            _check(query)
            drill = passes.opened(record)
            until = self._require_pass(record, drill)
            appliance = tx.appliances.find(record.target_appliance_id)
        now = self._parts.now()
        most_seconds = min(domain.LONGEST_WAY_SECONDS, max(1, int((until - now).total_seconds())))

        def payload(way: AwaitedWay) -> OpenWay:
            return OpenWay(
                fabric_id=drill.fabric_id, name=drill.machine_name, way=way.id, secret=way.secret,
                kind=query.kind, port=query.port, address=query.address, most_seconds=most_seconds,
                idle_seconds=domain.IDLE_SECONDS,
            )  # fmt: skip

        way = dialled_ways.dialled(self._parts, appliance, orders.OPEN_WAY, payload, record.id)
        what = domain.described(query.kind, query.port)
        visit = DrillVisit(way.id, self._parts.caller.name, what, now)
        try:
            self._record(record.id, drill.job_id, visit)
        except BaseException:
            dialled_ways.leave(self._parts, way)
            raise
        return OpenDrillWay(self._parts, way.line, record.id, drill.job_id, visit, until)

    def _record(self, machine_id: str, job_id: str, visit: DrillVisit) -> None:
        """Raises NotPossibleNow if the drill has ended meanwhile."""
        for left in reversed(range(visits.TRIES)):
            try:
                with self._parts.changing() as tx:
                    machine = tx.machines.by_id(machine_id)
                    if machine is None or machine.drill is None or machine.drill.job_id != job_id:
                        raise errors.NotPossibleNow("The drill was cleaned up meanwhile.")
                    self._parts.names(machine)
                    self._parts.tell("way", visit.what)
                    visits.begun(tx, machine, visit)
                return
            except errors.Conflict:
                if not left:
                    raise

    def _require_pass(self, machine: MachineRecord, drill: DrillRecord) -> datetime:
        """When the caller's pass ends. Raises Forbidden without one."""
        caller = self._parts.caller
        found = passes.held(drill, caller.name, caller.since, self._parts.now())
        if found is None:
            raise errors.Forbidden(
                f"'{caller.name}' has no pass for the drill of {machine.name}.",
                do=f"An operator gives one: 'secondsite drill pass {shlex.quote(caller.name)} "
                f"{shell.arguments(machine.name)}'.",
            )
        return found.until


def _check(query: DrillWayQuery) -> None:
    if (query.kind is WayKind.PORT) != (query.port is not None):
        raise errors.InvalidArgument(
            "A port has a number, and a console or screen has none.", do="Give kind=port with port=NUMBER."
        )
    if query.address is not None and query.port is None:
        raise errors.InvalidArgument("An address is for a port only.", do="Leave the address out.")
