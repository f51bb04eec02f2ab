"""The audit log: what was done by whom."""

from collections.abc import Iterator

from ....wire import rest
from ...connection import Connection, path, request

ALL = rest.AuditQuery(limit=rest.MOST_PER_PAGE)


class Audit:
    """All entries; pages are requested as they are needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: rest.AuditQuery = ALL) -> Iterator[rest.AuditEntry]:
        """Entries that match, newest first unless the query asks for the other order."""
        return self._connection.pages(rest.AuditPage, path("audit"), query)

    def verify(self) -> rest.AuditCheck:
        """Whether the log is whole, as the vault reads it."""
        return self._connection.one(rest.AuditCheck, "GET", path("audit", "verify"))

    def settings(self) -> rest.AuditSettings:
        """How long entries are kept."""
        return self._connection.one(rest.AuditSettings, "GET", path("audit", "settings"))

    def keep(self, days: int | None) -> rest.AuditSettings:
        """Sets how many days entries are kept; None: for ever."""
        wanted = request(rest.AuditSettings, kept_days=days)
        return self._connection.one(rest.AuditSettings, "PUT", path("audit", "settings"), body=wanted)
