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
    """Access tokens: their roles, until when they are valid, and when they were last used. The vault does not
    know the secrets themselves."""
    return vault.tokens.list()


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def create_token(vault: Vault, once: OnceHeader, request: rest.TokenCreate) -> rest.NewToken:
    """Creates a token. This answer is the only place where its secret appears."""
    return vault.tokens.create(request, once)


@router.post("/tokens/{name}/rotate")
def rotate_token(
    vault: Vault, once: OnceHeader, name: TokenName, request: rest.TokenRotate | None = None
) -> rest.NewToken:
    """Gives a token a new secret, valid for as long as the former one was from its beginning. The former one
    ends at once, or after a given time."""
    return vault.tokens.rotate(name, request or rest.TokenRotate(), once)


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_token(vault: Vault, name: TokenName) -> None:
    """Deletes a token: it is refused from now on. The last token that can create others and does not expire
    cannot be deleted."""
    vault.tokens.delete(name)
