"""Routes: replication groups."""

from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import GroupName

router = guarded("groups")


@router.get("/groups")
def list_groups(vault: Vault, paging: Paging) -> rest.GroupPage:
    """All groups, by name."""
    items, following = by_name(vault.groups.list(), paging)
    return rest.GroupPage(items=items, next=following)


@router.post("/groups", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG))
def create_group(vault: Vault, response: Response, once: OnceHeader, request: rest.GroupCreate) -> rest.Group:
    """Creates a group of machines whose recovery points are taken at common instants."""
    made = tag(response, vault.groups.create(request, once))
    locate(response, "groups", made.name)
    return made


@router.get("/groups/{group}", responses=answers(HTTPStatus.OK, ETAG))
def show_group(vault: Vault, response: Response, group: GroupName) -> rest.Group:
    """One group, with the newest common point that all its machines have."""
    return tag(response, vault.groups.show(group))


@router.post("/groups/{group}/add", responses=answers(HTTPStatus.OK, ETAG))
def add_to_group(
    vault: Vault, response: Response, group: GroupName, seen: IfMatch, request: rest.MachinesRequest
) -> rest.Group:
    """Adds machines to the group; those that belong to it already stay."""
    return tag(response, vault.groups.add(group, request.machines, seen))


@router.post("/groups/{group}/remove", responses=answers(HTTPStatus.OK, ETAG))
def remove_from_group(
    vault: Vault, response: Response, group: GroupName, seen: IfMatch, request: rest.MachinesRequest
) -> rest.Group:
    """Removes machines from the group; they stay protected, and their points stay."""
    return tag(response, vault.groups.remove(group, request.machines, seen))


@router.put("/groups/{group}", responses=answers(HTTPStatus.OK, ETAG))
def update_group(
    vault: Vault, response: Response, group: GroupName, seen: IfMatch, request: rest.GroupChange
) -> rest.Group:
    """Changes the interval and the members of a group: a machine that is not named leaves it and stays
    protected."""
    return tag(response, vault.groups.update(group, request, seen))


@router.delete("/groups/{group}", status_code=HTTPStatus.NO_CONTENT)
def delete_group(vault: Vault, group: GroupName, seen: IfMatch) -> None:
    """Deletes a group; its machines stay protected, each by itself."""
    vault.groups.delete(group, seen)
