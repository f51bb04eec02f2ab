"""What is kept of a visit: with the drill, from where it comes into the evidence, and in the audit log."""

import json
from dataclasses import replace

from .....domain import errors
from .....domain.access.chain import Entry, Outcome
from .....domain.drills.ways import MOST_VISITS, DrillVisit
from ....store import DrillRecord, MachineRecord, Transaction
from ...acts import append
from ...callers import Caller
from ...parts import Parts

LEFT = "left drill"
"""The verb of the audit log's entry for the end of a visit."""
TRIES = 10


def begun(tx: Transaction, machine: MachineRecord, visit: DrillVisit) -> None:
    """Keep that somebody comes in."""
    assert machine.drill is not None
    kept = (*machine.drill.visits, visit)[-MOST_VISITS:]
    tx.machines.put(replace(machine, drill=replace(machine.drill, visits=kept)))


def ended(parts: Parts, caller: Caller, machine_id: str, job_id: str, visit: DrillVisit) -> None:
    """Keep how a visit ended, in the drill of that job if that is still open, and in the audit log in any
    case. Somebody else may write to the machine at the same time, so it is tried several times."""
    for left in reversed(range(TRIES)):
        try:
            with parts.store.transaction() as tx:
                machine = tx.machines.by_id(machine_id)
                drill = None if machine is None else machine.drill
                if machine is not None and drill is not None and drill.job_id == job_id:
                    tx.machines.put(replace(machine, drill=_with(drill, visit)))
                append(tx, _entry(parts, caller, machine_id, machine, visit))
            return
        except errors.Conflict:
            if not left:
                raise


def _with(drill: DrillRecord, visit: DrillVisit) -> DrillRecord:
    return replace(drill, visits=tuple(visit if each.id == visit.id else each for each in drill.visits))


def _entry(
    parts: Parts, caller: Caller, machine_id: str, machine: MachineRecord | None, visit: DrillVisit
) -> Entry:
    told = {
        "machines": [machine_id] if machine is None else sorted((machine.name, machine_id)),
        "way": visit.what,
        "sent_bytes": visit.sent_bytes,
        "received_bytes": visit.received_bytes,
        "why": visit.why,
    }
    return Entry(
        at=parts.now(), who=caller.name, token_id=caller.token_id, address=caller.address, verb=LEFT,
        object=f"/machines/{machine_id}/drill/way", outcome=Outcome.DONE, details=json.dumps(told),
    )  # fmt: skip
