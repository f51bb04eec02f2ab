"""Routes: access tokens."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter

from ...wire import rest
from ..access import Vault
from ..headers import OnceHeader
from .names import TokenName

router = APIRouter(tags=["tokens"])


@router.get("/tokens")
def list_tokens(vault: Vault) -> Sequence[rest.Token]:
    """Their names; the tokens themselves are not known to the vault."""
    return vault.tokens.list()


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def create_token(vault: Vault, once: OnceHeader, request: rest.TokenCreate) -> rest.NewToken:
    """The answer is the only place where the token itself appears."""
    return vault.tokens.create(request.name, once)


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_token(vault: Vault, name: TokenName) -> None:
    """It opens nothing from now on. The last one stays."""
    vault.tokens.delete(name)
