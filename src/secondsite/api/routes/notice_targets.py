"""Routes: targets of notices."""

from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import TargetName

router = guarded("notices")


@router.get("/notices/targets")
def list_notice_targets(vault: Vault, paging: Paging) -> rest.NoticeTargetPage:
    """The targets of notices, by name, and whether messages reach them."""
    items, following = by_name(vault.notice_targets.list(), paging)
    return rest.NoticeTargetPage(items=items, next=following)


@router.post(
    "/notices/targets",
    status_code=HTTPStatus.CREATED,
    responses=answers(HTTPStatus.CREATED, LOCATION, ETAG),
)
def create_notice_target(
    vault: Vault, response: Response, once: OnceHeader, request: rest.NoticeTargetCreate
) -> rest.NoticeTarget:
    """Creates a target that is told of notices from now on; first of all present findings."""
    made = tag(response, vault.notice_targets.create(request, once))
    locate(response, "notices", "targets", made.name)
    return made


@router.get("/notices/targets/{target}", responses=answers(HTTPStatus.OK, ETAG))
def show_notice_target(vault: Vault, response: Response, target: TargetName) -> rest.NoticeTarget:
    """One target: what it is told, and whether messages reach it. Its secret is not shown."""
    return tag(response, vault.notice_targets.show(target))


@router.put("/notices/targets/{target}", responses=answers(HTTPStatus.OK, ETAG))
def update_notice_target(
    vault: Vault, response: Response, target: TargetName, seen: IfMatch, request: rest.NoticeTargetChange
) -> rest.NoticeTarget:
    """Changes a target. If it changes to another server, its secret has to be given again."""
    return tag(response, vault.notice_targets.update(target, request, seen))


@router.delete("/notices/targets/{target}", status_code=HTTPStatus.NO_CONTENT)
def delete_notice_target(vault: Vault, target: TargetName, seen: IfMatch) -> None:
    """Deletes a target: it gets nothing more, not even what waits to be sent."""
    vault.notice_targets.delete(target, seen)


@router.post("/notices/targets/{target}/test")
def test_notice_target(vault: Vault, target: TargetName) -> rest.NoticeTest:
    """Sends a test message now, and gives the server's answer. Waiting messages still wait."""
    return vault.notice_targets.test(target)
