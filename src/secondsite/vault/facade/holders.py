"""The token that a secret belongs to."""

from datetime import datetime

from ...domain import errors
from ...domain.access.approvals import Holder
from ...domain.access.roles import Grant
from ..store import TokenRecord, Transaction
from .callers import Caller


def opens(token: TokenRecord, digest: str, now: datetime) -> bool:
    """Whether this secret of the token is valid: the present one, or the former one for its last time."""
    if token.expires_at is not None and token.expires_at <= now:
        return False
    if token.token_sha256 == digest:
        return True
    return token.former_until is not None and now < token.former_until


def of(token: TokenRecord) -> Holder:
    return Holder(token.name, token.person or token.name, token.shown_to)


def valid(tx: Transaction, who: str, digest: str, now: datetime) -> TokenRecord:
    """The token with this secret. Raises NotPossibleNow if it was removed or replaced, or has expired."""
    token = tx.tokens.find(digest)
    if token is None or not opens(token, digest, now):
        raise errors.NotPossibleNow(
            (
                f"Token '{who}' was removed or replaced, or has expired: what it asked for or granted no "
                "longer counts."
            ),
            do="Ask again, with a valid token.",
        )
    return token


def caller(token: TokenRecord, digest: str, address: str) -> Caller:
    grant = Grant(token.roles, token.site)
    return Caller(token.name, token.id, digest, grant, address, since=token.created_at)
