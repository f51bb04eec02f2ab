"""A command line logs in: with a code that somebody approves, with a name, or with a link."""

import time
from collections.abc import Callable
from pathlib import Path

from ..domain import errors
from ..domain.access.sessions import SessionKind
from ..wire import rest
from . import login_file
from .connection import Connection, path, request
from .login_file import Login

NOBODY = "none"
"""Stands for a token where none is needed."""


class LoggingIn:
    """A vault that one is not logged in to. A context manager that closes its connection."""

    def __init__(self, url: str, ca: Path) -> None:
        self._connection = Connection(url, NOBODY, ca)
        self._url, self._ca = url, ca

    def __enter__(self) -> "LoggingIn":
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def ask(self, program: str) -> rest.LoginAsked:
        """A code to show. Raises TooManyAttempts."""
        body = request(rest.LoginRequest, program=program)
        return self._connection.one(rest.LoginAsked, "POST", path("logins"), body=body)

    def wait(
        self,
        asked: rest.LoginAsked,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        seconds: float = 600.0,
    ) -> rest.LoggedIn:
        """The session, once it is approved. Raises Unauthenticated once it was refused, DeadlineExceeded."""
        body, ends = request(rest.LoginPoll, secret=asked.secret), now() + seconds
        while now() < ends:
            found = self._connection.one(rest.LoginPolled, "POST", path("logins", "poll"), body=body)
            if found.logged_in is not None:
                return found.logged_in
            sleep(max(0.1, min(asked.poll_seconds, 60.0)))
        raise errors.DeadlineExceeded("Nobody approved this log-in.", do="Ask anew: 'secondsite login'.")

    def by_name(self, name: str, password: str, code: str | None = None) -> rest.LoggedIn:
        """Raises Unauthenticated, SecondFactorNeeded, TooManyAttempts."""
        return self._begin(name=name, password=password, code=code)

    def by_link(self, link: str, code: str | None = None) -> rest.LoggedIn:
        """Raises Unauthenticated, SecondFactorNeeded, TooManyAttempts."""
        return self._begin(link=link, code=code)

    def _begin(self, **shown: str | None) -> rest.LoggedIn:
        body = request(rest.LogIn, kind=SessionKind.COMMAND_LINE, **shown)
        return self._connection.one(rest.LoggedIn, "POST", path("session"), body=body)

    def keep(self, logged_in: rest.LoggedIn) -> Path | None:
        """Keep the session for later commands; gives the file that has its secret, None if the person's
        keyring has it."""
        assert logged_in.secret is not None
        assert logged_in.ends_at is not None
        ends_at = logged_in.ends_at.isoformat()
        return login_file.write(Login(self._url, str(self._ca.absolute()), logged_in.secret, ends_at))
