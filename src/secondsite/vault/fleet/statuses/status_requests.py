"""Statuses that an appliance is asked to send again, because one was missed, or did not count when it came:
for each appliance now and then."""

from datetime import datetime, timedelta

from ....wire.control import FullReportRequest

ASK_EVERY = timedelta(seconds=5)
MOST_AT_ONCE = 100
MOST_KEPT = 10_000


class StatusRequests:
    """Collects what to ask for. Belongs to one thread."""

    def __init__(self) -> None:
        self._machines: dict[str, dict[str, None]] = {}
        self._all: set[str] = set()
        self._asked_at: dict[str, datetime] = {}

    def one(self, appliance_id: str, machine_id: str) -> None:
        machines = self._machines.setdefault(appliance_id, {})
        if len(machines) < MOST_KEPT:
            machines[machine_id] = None

    def all_of(self, appliance_id: str) -> None:
        self._all.add(appliance_id)

    def came(self, appliance_id: str, machine_id: str) -> None:
        """The machine's status came whole."""
        self._machines.get(appliance_id, {}).pop(machine_id, None)

    def forget(self, appliance_id: str) -> None:
        """Forget the appliance's requests: it sends everything again."""
        self._machines.pop(appliance_id, None)
        self._all.discard(appliance_id)
        self._asked_at.pop(appliance_id, None)

    def ask(self, appliance_id: str, now: datetime) -> FullReportRequest | None:
        """What to ask the appliance for, if it is time; else None."""
        machines = self._machines.get(appliance_id, {})
        asked_at = self._asked_at.get(appliance_id)
        if not (machines or appliance_id in self._all) or (asked_at and abs(now - asked_at) < ASK_EVERY):
            return None
        if appliance_id in self._all:
            self.forget(appliance_id)
            machines = {}
        self._asked_at[appliance_id] = now
        some = tuple(machines)[:MOST_AT_ONCE]
        for machine_id in some:
            del machines[machine_id]
        return FullReportRequest(machine_ids=some)
