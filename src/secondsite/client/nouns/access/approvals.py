"""What waits for a second person."""

from collections.abc import Iterator

from ....domain.access.approvals import LASTS_SECONDS, OPEN, Stage
from ....wire import rest
from ...connection import Connection, path, request


class ApprovalHandle:
    """One request, by its number."""

    def __init__(self, connection: Connection, number: int | str) -> None:
        self._connection = connection
        self._path = ("approvals", str(number))

    def show(self) -> rest.Approval:
        """Raises NotFound."""
        return self._connection.one(rest.Approval, "GET", path(*self._path))

    def grant(self) -> rest.Approval:
        """Carries it out for whoever asked. Raises Forbidden for one who is no second person, and what the
        request itself raises now."""
        return self._connection.one(rest.Approval, "POST", path(*self._path, "grant"))

    def refuse(self, reason: str = "") -> rest.Approval:
        """It is not carried out. Raises NotFound, NotPossibleNow, Forbidden."""
        body = request(rest.ApprovalRefusal, reason=reason)
        return self._connection.one(rest.Approval, "POST", path(*self._path, "refuse"), body=body)

    def withdraw(self) -> rest.Approval:
        """The asker wants it no more. Raises NotFound, NotPossibleNow, Forbidden."""
        return self._connection.one(rest.Approval, "POST", path(*self._path, "withdraw"))


class Approvals:
    """All requests; `approvals[7]` is one. What needs approval raises ApprovalNeeded where it is asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, number: int | str) -> ApprovalHandle:
        return ApprovalHandle(self._connection, number)

    def __iter__(self) -> Iterator[rest.Approval]:
        return self.list(*OPEN)

    def list(self, *stages: Stage) -> Iterator[rest.Approval]:
        """Newest first; no stages: all."""
        query = rest.ApprovalQuery(stage=stages, limit=rest.MOST_PER_PAGE)
        return self._connection.pages(rest.ApprovalPage, path("approvals"), query)

    def settings(self) -> rest.ApprovalSettings:
        """Which verbs need approval."""
        return self._connection.one(rest.ApprovalSettings, "GET", path("approvals", "settings"))

    def require(self, *verbs: str, lasts_seconds: float = LASTS_SECONDS) -> rest.ApprovalSettings:
        """Only these need it from now on; none: nothing does. Raises ApprovalNeeded while any did."""
        wanted = request(rest.ApprovalSettings, verbs=verbs, lasts_seconds=lasts_seconds)
        return self._connection.one(rest.ApprovalSettings, "PUT", path("approvals", "settings"), body=wanted)
