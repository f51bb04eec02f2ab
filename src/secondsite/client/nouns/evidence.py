"""What is kept of failovers and drills."""

from collections.abc import Iterator

from ...wire import rest
from ..connection import Connection, path

ALL = rest.Paging(limit=rest.MOST_PER_PAGE)


class Evidences:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: rest.Paging = ALL) -> Iterator[rest.EvidenceItem]:
        """Newest first."""
        return self._connection.pages(rest.EvidencePage, path("evidence"), query)

    def show(self, evidence_id: str) -> rest.EvidenceExport:
        """All of it, with its entry in the audit log. Raises NotFound."""
        return self._connection.one(rest.EvidenceExport, "GET", path("evidence", evidence_id))
