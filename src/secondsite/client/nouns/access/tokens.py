"""Access tokens: who may talk to the vault."""

from collections.abc import Iterator, Sequence

from ....domain.access.roles import Role
from ....wire import rest
from ....wire.rest.access.tokens import LIVES_SECONDS
from ...connection import Connection, path, request


class TokenHandle:
    """One token, by its name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def rotate(self, former_valid_seconds: float = 0) -> rest.NewToken:
        """Gives the token a new secret, with the same roles; only this answer contains it. The former secret
        ends at once, or is valid for `former_valid_seconds` more. Raises NotFound."""
        body = request(rest.TokenRotate, former_valid_seconds=former_valid_seconds)
        return self._connection.one(rest.NewToken, "POST", path("tokens", self._name, "rotate"), body=body)

    def delete(self) -> None:
        """Deletes the token, which gives no access from now on. Raises NotFound, and NotPossibleNow for the
        last one that can make others and does not expire."""
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
        """All tokens, in the order in which they were created."""
        return self._connection.many(rest.Token, path("tokens"))

    def create(
        self,
        name: str,
        *roles: Role | str,
        site: str | None = None,
        valid_seconds: float | None = LIVES_SECONDS,
        person: str | None = None,
    ) -> rest.NewToken:
        """A new token with these roles in the whole vault, or in one site; without `valid_seconds` it does
        not expire. `person`: who holds it, if a person has several. Only this answer contains the token.
        Raises AlreadyExists, InvalidArgument."""
        body = request(
            rest.TokenCreate, name=name, roles=roles, site=site, valid_seconds=valid_seconds, person=person
        )
        return self._connection.one(rest.NewToken, "POST", path("tokens"), body=body)
