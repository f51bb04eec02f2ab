"""What shows who somebody is, at a log-in."""

from dataclasses import dataclass
from datetime import datetime

from .....domain import errors
from .....domain.access.sessions import LogInWay
from ....store import TokenRecord, Transaction
from ... import holders
from ...shared import secrets


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody is, by which way. `holder_sha256` is the digest of the secret by which they count."""

    way: LogInWay
    holder: TokenRecord
    holder_sha256: str


def of_token(tx: Transaction, token: str, now: datetime) -> Proof:
    """The holder of this access token. Raises Unauthenticated."""
    digest = secrets.digest(token)
    found = tx.tokens.find(digest) if secrets.is_token(token) else None
    if found is None:
        raise errors.Unauthenticated("The access token is not known to this vault.")
    holders.require_open(found, digest, now)
    return Proof(LogInWay.TOKEN, found, digest)
