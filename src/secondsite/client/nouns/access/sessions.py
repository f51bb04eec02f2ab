"""Sessions: who is logged in."""

from collections.abc import Iterator, Sequence

from ....wire import rest
from ...connection import Connection, path


class SessionHandle:
    """One session, by its id."""

    def __init__(self, connection: Connection, session_id: str) -> None:
        self._connection = connection
        self._id = session_id

    def end(self) -> None:
        """Ends the session. Raises NotFound."""
        self._connection.call("DELETE", path("sessions", self._id))


class Sessions:
    """The caller's sessions; for an access administrator those of all."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, session_id: str) -> SessionHandle:
        return SessionHandle(self._connection, session_id)

    def __iter__(self) -> Iterator[rest.Session]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Session]:
        """Those that have not ended, the oldest first."""
        return self._connection.many(rest.Session, path("sessions"))

    def who_am_i(self) -> rest.Identity:
        """Who the caller is and may do, and until when."""
        return self._connection.one(rest.Identity, "GET", path("session"))
