"""Routes: replication policies and access tokens."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter

from ..vault.facade.tokens import NewToken, TokenName
from ..wire import rest
from ..wire.base import Shape
from .access import Vault

router = APIRouter()


class TokenCreate(Shape):
    name: str


@router.get("/policies", tags=["policies"])
def list_policies(vault: Vault) -> Sequence[rest.PolicyInfo]:
    return vault.policies.list()


@router.post("/policies", status_code=HTTPStatus.CREATED, tags=["policies"])
def create_policy(vault: Vault, request: rest.PolicyCreate) -> rest.PolicyInfo:
    """A policy, and the read-only policy of the way back."""
    return vault.policies.create(request)


@router.get("/policies/{policy}", tags=["policies"])
def show_policy(vault: Vault, policy: str) -> rest.PolicyInfo:
    return vault.policies.show(policy)


@router.put("/policies/{policy}", tags=["policies"])
def update_policy(vault: Vault, policy: str, request: rest.PolicyCreate) -> rest.PolicyInfo:
    return vault.policies.update(policy, request)


@router.delete("/policies/{policy}", status_code=HTTPStatus.NO_CONTENT, tags=["policies"])
def remove_policy(vault: Vault, policy: str) -> None:
    vault.policies.remove(policy)


@router.get("/tokens", tags=["tokens"])
def list_tokens(vault: Vault) -> Sequence[TokenName]:
    return vault.tokens.list()


@router.post("/tokens", status_code=HTTPStatus.CREATED, tags=["tokens"])
def create_token(vault: Vault, request: TokenCreate) -> NewToken:
    """The answer is the only place where the token itself appears."""
    return vault.tokens.create(request.name)


@router.delete("/tokens/{name}", status_code=HTTPStatus.NO_CONTENT, tags=["tokens"])
def remove_token(vault: Vault, name: str) -> None:
    vault.tokens.remove(name)
