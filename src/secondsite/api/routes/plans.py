"""Routes: recovery plans, and their runs."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Body, Query, Response

from ...domain.lifecycle import Verb
from ...vault.facade.nouns.plan_runs import REQUESTS
from ...wire import rest
from ...wire.rest.choices import PlanChoices
from ..access import Caller, Vault
from ..headers import ETAG, LOCATION, AsRead, IfMatch, OnceHeader, answers, locate, tag
from ..pages import Paging, by_name
from ..permissions import OF_PLAN
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
    """Creates a plan: machines that are recovered together, group by group."""
    made = tag(response, vault.plans.create(request, once))
    locate(response, "plans", made.name)
    return made


@router.get("/plans/{plan}", responses=answers(HTTPStatus.OK, ETAG))
def show_plan(vault: Vault, response: Response, plan: PlanName) -> rest.Plan:
    """One plan, with the state of its machines, and the reasons why it cannot be run now."""
    return tag(response, vault.plans.show(plan))


@router.put("/plans/{plan}", responses=answers(HTTPStatus.OK, ETAG))
def update_plan(
    vault: Vault, response: Response, plan: PlanName, seen: IfMatch, request: rest.PlanChange
) -> rest.Plan:
    """Replaces the groups of a plan: what is not given is removed from it. Its machines stay as they are."""
    return tag(response, vault.plans.update(plan, request, seen))


@router.delete("/plans/{plan}", status_code=HTTPStatus.NO_CONTENT)
def delete_plan(vault: Vault, plan: PlanName, seen: IfMatch) -> None:
    """Deletes a plan; its machines stay protected."""
    vault.plans.delete(plan, seen)


@router.post("/plans/{plan}/keep-open", responses=answers(HTTPStatus.OK, ETAG))
def keep_plan_open(vault: Vault, response: Response, plan: PlanName) -> rest.Plan:
    """Leaves the plan's last failover uncommitted, although it is set to commit by itself: a person commits
    it then. Its next failover is not concerned. Harmless if it is kept open already."""
    return tag(response, vault.plans.keep_open(plan))


@router.get("/plans/{plan}/preview")
def preview_plan(
    vault: Vault, plan: PlanName, query: Annotated[rest.PlanPreviewQuery, Query()]
) -> rest.PlanPreview:
    """What a run of the plan would take and lose if it were started now, or why it could not be run."""
    return vault.plan_runs.preview(plan, query)


@router.get("/plans/{plan}/choices")
def list_plan_choices(
    vault: Vault, plan: PlanName, query: Annotated[rest.PlanPreviewQuery, Query()]
) -> PlanChoices:
    """Exactly the choices of a recovery point that a run of the plan has now: those that all its machines
    have. Starts nothing."""
    return vault.plan_choices.list(plan, query)


def _run(verb: Verb, shape: type[rest.PlanPart]) -> Callable[..., rest.JobAccepted]:
    def start(
        vault: Vault,
        caller: Caller,
        response: Response,
        once: OnceHeader,
        plan: PlanName,
        seen: IfMatch,
        request: rest.PlanPart | None = None,
        read: AsRead = None,
    ) -> rest.JobAccepted:
        accepted = vault.plan_runs.start(plan, verb, request or shape(), caller, seen, once, read)
        locate(response, "jobs", accepted.job_id)
        return accepted

    start.__annotations__["request"] = Annotated[shape | None, Body()]
    start.__doc__ = f"{shape.__doc__} One job does it, with one for each machine below it."
    return start


for _verb, _shape in REQUESTS.items():
    router.add_api_route(
        f"/plans/{{plan}}/{_verb.value.replace('_', '-')}",
        _run(_verb, _shape),
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        responses=answers(HTTPStatus.ACCEPTED, LOCATION),
        name=f"{_verb.value}{OF_PLAN}",
    )
