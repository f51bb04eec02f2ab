"""What was done by whom, in a chain that shows where it was tampered with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.access.chain import BEGINNING, Entry, Link, Outcome


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """Which entries: those that match everything given."""

    who: str | None = None
    verb: str | None = None
    object: str | None = None
    outcome: Outcome | None = None
    job_id: str | None = None
    number: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class AuditEnds:
    """Where the chain ends, and behind which entry it begins: older ones were deleted as the setting says. `kept_days`
    None: for ever."""

    head: Link = BEGINNING
    anchor: Link = BEGINNING
    kept_days: int | None = 365


class Audit(Protocol):
    def append(self, entry: Entry) -> Entry:
        """As the next of the chain. Waits for other writers: call it last in a transaction."""

    def ends(self) -> AuditEnds: ...
    def keep(self, days: int | None) -> None: ...
    def find(self, wanted: AuditWanted, limit: int, after: int | None) -> Sequence[Entry]: ...
    def chain(self) -> Iterator[Entry]:
        """All entries in their order."""

    def last_before(self, at: datetime) -> Link | None:
        """The last entry of the beginning that is older; None if there is no such beginning."""

    def cut(self, anchor: Link) -> None:
        """Deletes all up to this one."""
