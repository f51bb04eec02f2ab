"""People who log in with a name."""

from collections.abc import Iterator, Sequence

from ....domain.access.roles import Role
from ....wire import rest
from ...connection import Connection, path, request


class PersonHandle:
    """One person, by name. What is changed or deleted as the caller had `seen` it raises ChangedMeanwhile
    when somebody else was faster."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._path = ("people", name)

    def show(self) -> rest.Person:
        """The person. Raises NotFound."""
        return self._connection.one(rest.Person, "GET", path(*self._path))

    def change(
        self, *roles: Role | str, site: str | None = None, seen: rest.Person | None = None
    ) -> rest.Person:
        """Sets roles and scope; sessions end. Raises NotFound, InvalidArgument."""
        body = request(rest.PersonChange, roles=roles, site=site)
        return self._connection.one(rest.Person, "PUT", path(*self._path), body=body, seen=seen)

    def reset_password(self) -> rest.NewLink:
        """A link by which the person chooses another password; only this answer contains it. The former one,
        and sessions, end. Raises NotFound."""
        return self._connection.one(rest.NewLink, "POST", path(*self._path, "reset-password"))

    def reset_second_factor(self) -> rest.Person:
        """Ends the second factor, and sessions. Raises NotFound."""
        return self._connection.one(rest.Person, "DELETE", path(*self._path, "second-factor"))

    def disable(self) -> rest.Person:
        """The person cannot log in any more; sessions end. Raises NotFound."""
        return self._connection.one(rest.Person, "PUT", path(*self._path, "disabled"))

    def enable(self) -> rest.Person:
        """The person may log in again. Raises NotFound."""
        return self._connection.one(rest.Person, "DELETE", path(*self._path, "disabled"))

    def delete(self, *, seen: rest.Person | None = None) -> None:
        """Deletes the person, whose sessions end. Raises NotFound."""
        self._connection.call("DELETE", path(*self._path), seen=seen)


class People:
    """All people; `people["anna"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PersonHandle:
        return PersonHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Person]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Person]:
        """All people, by name."""
        return self._connection.many(rest.Person, path("people"))

    def create(self, name: str, *roles: Role | str, site: str | None = None) -> rest.NewLink:
        """A new person with these roles in the whole vault, or in one site, who comes in by the link and
        chooses a password. Only this answer contains it. Raises AlreadyExists, InvalidArgument."""
        body = request(rest.PersonCreate, name=name, roles=roles, site=site)
        return self._connection.one(rest.NewLink, "POST", path("people"), body=body)

    def settings(self) -> rest.LogInSettings:
        """What a log-in needs."""
        return self._connection.one(rest.LogInSettings, "GET", path("log-in", "settings"))

    def require_second_factor(self, needed: bool) -> rest.LogInSettings:
        """Sets whether roles above reader need a second factor."""
        wanted = rest.LogInSettings(second_factor=needed)
        return self._connection.one(rest.LogInSettings, "PUT", path("log-in", "settings"), body=wanted)
