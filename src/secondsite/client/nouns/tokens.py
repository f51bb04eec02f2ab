"""Access tokens: who may talk to the vault."""

from collections.abc import Iterator, Sequence

from ...wire import rest
from ..connection import Connection, path, request


class TokenHandle:
    """One token, by its name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def delete(self) -> None:
        """It opens nothing from now on. Raises NotFound, and NotPossibleNow for the last one."""
        self._connection.call("DELETE", path("tokens", self._name))


class Tokens:
    """All tokens; `tokens["anna"]` is one. The vault knows their names, not the tokens themselves."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> TokenHandle:
        return TokenHandle(self._connection, name)

    def __iter__(self) -> Iterator[rest.Token]:
        return iter(self.list())

    def list(self) -> Sequence[rest.Token]:
        """In the order in which they were made."""
        return self._connection.many(rest.Token, path("tokens"))

    def create(self, name: str) -> rest.NewToken:
        """A new token: this answer is the only one that holds it. Raises AlreadyExists."""
        return self._connection.one(
            rest.NewToken, "POST", path("tokens"), body=request(rest.TokenCreate, name=name)
        )
