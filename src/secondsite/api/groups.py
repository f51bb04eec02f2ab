"""Routes: replication groups."""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter

from ..wire import rest
from .access import Vault

router = APIRouter()


@router.get("/groups", tags=["groups"])
def list_groups(vault: Vault) -> Sequence[rest.GroupInfo]:
    return vault.groups.list()


@router.post("/groups", status_code=HTTPStatus.CREATED, tags=["groups"])
def create_group(vault: Vault, request: rest.GroupCreate) -> rest.GroupInfo:
    """Machines whose recovery points are taken at common instants."""
    return vault.groups.create(request)


@router.get("/groups/{group}", tags=["groups"])
def show_group(vault: Vault, group: str) -> rest.GroupInfo:
    """With the newest common point that all its machines have."""
    return vault.groups.show(group)


@router.post("/groups/{group}/add", tags=["groups"])
def add_to_group(vault: Vault, group: str, request: rest.MachinesRequest) -> rest.GroupInfo:
    return vault.groups.add(group, request.machines)


@router.post("/groups/{group}/remove", tags=["groups"])
def remove_from_group(vault: Vault, group: str, request: rest.MachinesRequest) -> rest.GroupInfo:
    """The machines stay protected, and their points stay."""
    return vault.groups.remove(group, request.machines)


@router.delete("/groups/{group}", status_code=HTTPStatus.NO_CONTENT, tags=["groups"])
def delete_group(vault: Vault, group: str) -> None:
    vault.groups.delete(group)
