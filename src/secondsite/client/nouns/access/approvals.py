"""Requests that wait for a second person."""

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
        """The request. Raises NotFound."""
        return self._connection.one(rest.Approval, "GET", path(*self._path))

    def grant(self) -> rest.Approval:
        """Grants the request, which is then carried out for whoever asked. Raises Forbidden if the caller is
        not a second person, and the errors of the request itself."""
        return self._connection.one(rest.Approval, "POST", path(*self._path, "grant"))

    def refuse(self, reason: str = "") -> rest.Approval:
        """Refuses the request, which is then not carried out. Raises NotFound, NotPossibleNow, Forbidden."""
        body = request(rest.ApprovalRefusal, reason=reason)
        return self._connection.one(rest.Approval, "POST", path(*self._path, "refuse"), body=body)

    def withdraw(self) -> rest.Approval:
        """Withdraws a request of the caller's own. Raises NotFound, NotPossibleNow, Forbidden."""
        return self._connection.one(rest.Approval, "POST", path(*self._path, "withdraw"))


class Approvals:
    """All requests; `approvals[7]` is one. A call that needs approval raises ApprovalNeeded."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, number: int | str) -> ApprovalHandle:
        return ApprovalHandle(self._connection, number)

    def __iter__(self) -> Iterator[rest.Approval]:
        return self.list(*OPEN)

    def list(self, *stages: Stage) -> Iterator[rest.Approval]:
        """Requests, newest first; only those at these stages, if any are given."""
        query = rest.ApprovalQuery(stage=stages, limit=rest.MOST_PER_PAGE)
        return self._connection.pages(rest.ApprovalPage, path("approvals"), query)

    def settings(self) -> rest.ApprovalSettings:
        """Which verbs need approval."""
        return self._connection.one(rest.ApprovalSettings, "GET", path("approvals", "settings"))

    def require(self, *verbs: str, lasts_seconds: float = LASTS_SECONDS) -> rest.ApprovalSettings:
        """Sets the verbs that need approval from now on; none: nothing does. Raises ApprovalNeeded while any
        did."""
        wanted = request(rest.ApprovalSettings, verbs=verbs, lasts_seconds=lasts_seconds)
        return self._connection.one(rest.ApprovalSettings, "PUT", path("approvals", "settings"), body=wanted)
