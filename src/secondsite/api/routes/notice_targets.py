"""Routes: whom notices go to."""

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
    """Whom notices go to, by name, and how it goes."""
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
    """Somebody who is told from now on; first of the findings that there are."""
    made = tag(response, vault.notice_targets.create(request, once))
    locate(response, "notices", "targets", made.name)
    return made


@router.get("/notices/targets/{target}", responses=answers(HTTPStatus.OK, ETAG))
def show_notice_target(vault: Vault, response: Response, target: TargetName) -> rest.NoticeTarget:
    """What it is told, and how it goes with it. Its secret is not shown."""
    return tag(response, vault.notice_targets.show(target))


@router.put("/notices/targets/{target}", responses=answers(HTTPStatus.OK, ETAG))
def update_notice_target(
    vault: Vault, response: Response, target: TargetName, seen: IfMatch, request: rest.NoticeTargetChange
) -> rest.NoticeTarget:
    """Other settings for a target. To another server its secret goes only if it is given again."""
    return tag(response, vault.notice_targets.update(target, request, seen))


@router.delete("/notices/targets/{target}", status_code=HTTPStatus.NO_CONTENT)
def delete_notice_target(vault: Vault, target: TargetName, seen: IfMatch) -> None:
    """It is told nothing more, also not what waits."""
    vault.notice_targets.delete(target, seen)


@router.post("/notices/targets/{target}/test")
def test_notice_target(vault: Vault, target: TargetName) -> rest.NoticeTest:
    """Send a message now, and say what was answered. What waits goes on waiting."""
    return vault.notice_targets.test(target)
