"""Sessions: who is logged in."""

from collections.abc import Iterator, Sequence

from ....wire import rest
from ...connection import Connection, path, request


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

    def end_own(self) -> None:
        """Ends the session of this connection. Raises NotPossibleNow for a token."""
        self._connection.call("DELETE", path("session"))

    def approve(self, code: str) -> rest.PendingLogin:
        """Lets a command line in as the caller. Raises NotFound, Forbidden."""
        return self._connection.one(rest.PendingLogin, "POST", path("logins", code, "approve"))

    def refuse(self, code: str) -> rest.PendingLogin:
        """Does not let a command line in. Raises NotFound."""
        return self._connection.one(rest.PendingLogin, "POST", path("logins", code, "refuse"))

    def pending(self, code: str) -> rest.PendingLogin:
        """The command line that waits under a code. Raises NotFound."""
        return self._connection.one(rest.PendingLogin, "GET", path("logins", code))

    def set_password(self, password: str, former: str | None = None) -> rest.LoggedIn:
        """Chooses the caller's own password; the answer has the secret of a new session, and all others end.
        Raises InvalidArgument, Unauthenticated, NotPossibleNow."""
        body = request(rest.PasswordChange, password=password, former_password=former)
        return self._connection.one(rest.LoggedIn, "PUT", path("session", "password"), body=body)

    def who_am_i(self) -> rest.Identity:
        """Who the caller is and may do, and until when."""
        return self._connection.one(rest.Identity, "GET", path("session"))
