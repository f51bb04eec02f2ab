"""Which machines a look at everything passes by: nothing was said or written of them, and no time has come at
which their rows change.

To find the situation of each of a thousand machines took as long as to find what is wrong with the two
hundred of which something was said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ....fleet.statuses.latest_status import Trace
from ....store import MachineRecord
from ....watch.situations import SituationContext


class Seen(NamedTuple):
    """What a machine's row was made of, at `since`, and until when it stays the same if nothing is said."""

    machine: MachineRecord
    trace: Trace
    since: datetime
    until: datetime


@dataclass(slots=True)
class Untouched:
    """Not safe from several threads."""

    _around: SituationContext | None = None
    _seen: dict[str, Seen] = field(default_factory=dict)

    def of(
        self,
        around: SituationContext,
        found: Sequence[MachineRecord],
        traces: Mapping[str, Trace],
        now: datetime,
    ) -> set[str]:
        """The ids of those of the machines whose rows are as they were when they were last noted."""
        if around != self._around:
            self._around, self._seen = around, {}
        seen = ((each, self._seen.get(each.id)) for each in found)
        return {
            machine.id
            for machine, last in seen
            if last is not None
            and last.machine is machine
            and last.since <= now <= last.until
            and _is_same(last.trace, traces.get(machine.id))
        }

    def note(
        self, machine: MachineRecord, trace: Trace | None, since: datetime, until: datetime | None
    ) -> None:
        """The machine's row was made. Without a trace, or an end, it is made each time."""
        if trace is None or until is None:
            self._seen.pop(machine.id, None)
        else:
            self._seen[machine.id] = Seen(machine, trace, since, until)

    def drop(self, machine_ids: Iterable[str]) -> None:
        for each in machine_ids:
            self._seen.pop(each, None)


def _is_same(one: Trace, other: Trace | None) -> bool:
    return other is not None and one[0] is other[0] and one[1] is other[1]
