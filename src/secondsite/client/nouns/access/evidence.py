"""What is kept of failovers and drills."""

from collections.abc import Iterator

from ....wire import rest
from ....wire.rest.access.evidence import EvidenceExport, EvidenceItem, EvidencePage
from ...connection import Connection, path

ALL = rest.Paging(limit=rest.MOST_PER_PAGE)


class Evidences:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, query: rest.Paging = ALL) -> Iterator[EvidenceItem]:
        """All evidence, newest first."""
        return self._connection.pages(EvidencePage, path("evidence"), query)

    def show(self, evidence_id: str) -> EvidenceExport:
        """One piece of evidence with its entry in the audit log. Raises NotFound."""
        return self._connection.one(EvidenceExport, "GET", path("evidence", evidence_id))

    def picture(self, evidence_id: str, sha256: str) -> bytes:
        """One of the pictures that the evidence names, as PNG. Raises NotFound."""
        return self._connection.call("GET", path("evidence", evidence_id, "pictures", sha256))
