"""Routes: recovery plans."""

from http import HTTPStatus

from fastapi import Response

from ...wire import rest
from ..access import Vault
from ..headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..routers import guarded
from .names import PlanName

router = guarded("plans")


@router.get("/plans")
def list_plans(vault: Vault, paging: Paging) -> rest.PlanPage:
    """All recovery plans, by name."""
    items, following = by_name(vault.plans.list(), paging)
    return rest.PlanPage(items=items, next=following)


@router.post("/plans", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG))
def create_plan(vault: Vault, response: Response, once: OnceHeader, request: rest.PlanCreate) -> rest.Plan:
    """Machines that are recovered together, group by group."""
    made = tag(response, vault.plans.create(request, once))
    locate(response, "plans", made.name)
    return made


@router.get("/plans/{plan}", responses=answers(HTTPStatus.OK, ETAG))
def show_plan(vault: Vault, response: Response, plan: PlanName) -> rest.Plan:
    """With the state of its machines, and why it cannot be run as it is."""
    return tag(response, vault.plans.show(plan))


@router.put("/plans/{plan}", responses=answers(HTTPStatus.OK, ETAG))
def update_plan(
    vault: Vault, response: Response, plan: PlanName, seen: IfMatch, request: rest.PlanChange
) -> rest.Plan:
    """Other groups for a plan: what is not given is not in it any more. Its machines stay as they are."""
    return tag(response, vault.plans.update(plan, request, seen))


@router.delete("/plans/{plan}", status_code=HTTPStatus.NO_CONTENT)
def delete_plan(vault: Vault, plan: PlanName, seen: IfMatch) -> None:
    """Its machines stay protected."""
    vault.plans.delete(plan, seen)
