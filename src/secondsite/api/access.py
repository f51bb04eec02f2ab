"""Who asks: a bearer token on every call but enrollment and the health check."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ..domain import errors
from ..vault.facade import VaultFacade

_bearer = HTTPBearer(auto_error=False, description="An access token: 'secondsite token create NAME'.")


def vault_of(request: Request) -> VaultFacade:
    """The facade that this application serves."""
    vault: VaultFacade = request.app.state.vault
    return vault


Vault = Annotated[VaultFacade, Depends(vault_of)]


def caller(
    vault: Vault, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    """The name of the caller's token; raises Unauthenticated."""
    if credentials is None:
        raise errors.Unauthenticated("This call needs an access token ('Authorization: Bearer TOKEN').")
    return vault.tokens.authenticate(credentials.credentials)


Caller = Annotated[str, Depends(caller)]
