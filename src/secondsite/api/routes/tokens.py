"""Routes: access tokens."""

from collections.abc import Sequence
from http import HTTPStatus

from ...wire import rest
from ..access import Vault
from ..headers import OnceHeader
from ..routers import guarded
from .names import TokenName

router = guarded("tokens")


@router.get("/tokens")
def list_tokens(vault: Vault) -> Sequence[rest.Token]:
    """Who has which roles, until when, and used them when; the tokens themselves are not known to the
    vault."""
    return vault.tokens.list()


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def create_token(vault: Vault, once: OnceHeader, request: rest.TokenCreate) -> rest.NewToken:
    """The answer is the only place where the token itself appears."""
    return vault.tokens.create(request, once)


@router.post("/tokens/{name}/rotate")
def rotate_token(
    vault: Vault, once: OnceHeader, name: TokenName, request: rest.TokenRotate | None = None
) -> rest.NewToken:
    """A new secret with the same roles, valid as long as the former one was from its beginning. That one
    ends at once, or after a while."""
    return vault.tokens.rotate(name, request or rest.TokenRotate(), once)


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_token(vault: Vault, name: TokenName) -> None:
    """It opens nothing from now on. The last one that can make others and does not expire stays."""
    vault.tokens.delete(name)
