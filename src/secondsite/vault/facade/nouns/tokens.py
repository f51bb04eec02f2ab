"""Access tokens of people and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ....domain import errors
from ....wire.rest import NewToken, Token
from ... import ports
from ..parts import Parts
from ..shared import secrets
from ..shared.once import Once, carry_out


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Names may be given again after a token was deleted; `token_sha256` is this token's alone."""

    name: str
    token_sha256: str


class Tokens:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def authenticate(self, token: str) -> Caller:
        """Whose token it is; raises Unauthenticated."""
        found = self._find(secrets.digest(token)) if secrets.is_token(token) else None
        if found is None:
            raise errors.Unauthenticated("The access token is not known to this vault.")
        return Caller(found.name, found.token_sha256)

    def is_valid(self, caller: Caller) -> bool:
        """Whether the caller's token still opens anything."""
        return self._find(caller.token_sha256) is not None

    def _find(self, token_sha256: str) -> ports.TokenRecord | None:
        with self._parts.store.reading() as tx:
            return tx.tokens.find(token_sha256)

    def list(self) -> Sequence[Token]:
        with self._parts.store.reading() as tx:
            return [Token(name=token.name, created_at=token.created_at) for token in tx.tokens.list()]

    def create(self, name: str, once: Once | None = None) -> NewToken:
        """Raises AlreadyExists."""
        with self._parts.store.transaction() as tx:
            return carry_out(
                self._parts, tx, once, NewToken, lambda: issue(tx, name, self._parts.now()), secret=True
            )

    def delete(self, name: str) -> None:
        """Raises NotFound, or NotPossibleNow for the last one, which would lock everybody out."""
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time("tokens")
            names = [token.name for token in tx.tokens.list()]
            if name not in names:
                raise errors.NotFound.named("token", name)
            if len(names) == 1:
                raise errors.NotPossibleNow(
                    f"Token '{name}' is the last one.",
                    do="Create another token first: 'secondsite token create NAME'.",
                )
            tx.tokens.remove(name)


def issue(tx: ports.Transaction, name: str, now: datetime) -> NewToken:
    """A new token, of which only the digest is kept; raises AlreadyExists or InvalidArgument."""
    if not name or len(name) > 100:
        raise errors.InvalidArgument("A token's name has 1 to 100 characters.")
    token = secrets.new_token()
    tx.tokens.add(ports.TokenRecord(name, secrets.digest(token), now))
    return NewToken(name=name, token=token)
