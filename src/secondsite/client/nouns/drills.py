"""Test failovers that the vault starts by itself."""

from collections.abc import Iterator, Sequence

from ...wire.rest import JobAccepted
from ...wire.rest import drill_schedules as rest
from ..connection import EVERY, Connection, path
from .jobs import JobHandle

WHERE = ("drills", "schedules")


class DrillScheduleHandle:
    """One schedule, by its name. All calls raise NotFound for an unknown one; a change that is told what
    the caller had `seen` raises ChangedMeanwhile when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def show(self) -> rest.DrillSchedule:
        """The schedule: when its next turn is, what it started last, and what was in the way."""
        return self._connection.one(rest.DrillSchedule, "GET", path(*WHERE, self._name))

    def set(
        self, wanted: rest.DrillScheduleChange, *, seen: rest.DrillSchedule | None = None
    ) -> rest.DrillSchedule:
        """Replaces all settings of the schedule."""
        where = path(*WHERE, self._name)
        return self._connection.one(rest.DrillSchedule, "PUT", where, body=wanted, seen=seen)

    def delete(self, *, seen: rest.DrillSchedule | None = None) -> None:
        """Deletes the schedule; drills that it has started go on."""
        self._connection.call("DELETE", path(*WHERE, self._name), seen=seen)

    def run(self, *, key: str | None = None) -> JobHandle:
        """Starts a drill of the schedule now; returns its job. Raises NotPossibleNow, which says what is in
        the way."""
        accepted = self._connection.one(JobAccepted, "POST", path(*WHERE, self._name, "run"), key=key)
        return JobHandle(self._connection, accepted.job_id)


class DrillSchedules:
    """All schedules; `drill_schedules["nightly"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> DrillScheduleHandle:
        return DrillScheduleHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.DrillSchedule]:
        return iter(self.list())

    def list(self) -> Sequence[rest.DrillSchedule]:
        """All schedules, by name."""
        return [*self._connection.pages(rest.DrillSchedulePage, path(*WHERE), EVERY)]

    def create(self, wanted: rest.DrillScheduleCreate) -> rest.DrillSchedule:
        """Creates a schedule. Raises AlreadyExists, NotFound for an unknown machine or plan,
        InvalidArgument."""
        return self._connection.one(rest.DrillSchedule, "POST", path(*WHERE), body=wanted)
