"""Routes: requests that wait for a second person's approval."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool

from ...vault.facade.nouns.approvals import is_secret
from ...wire import rest
from .. import replay_approved
from ..access import Vault
from ..headers import OnceHeader
from ..routers import guarded
from .names import ApprovalNumber

router = guarded("approvals")


@router.get("/approvals")
def list_approvals(vault: Vault, query: Annotated[rest.ApprovalQuery, Query()]) -> rest.ApprovalPage:
    """Requests for approval, newest first: one's own, and those of tokens whose scope is within one's own."""
    return vault.approvals.list(query)


@router.get("/approvals/settings")
def show_approval_settings(vault: Vault) -> rest.ApprovalSettings:
    """Which verbs need a second person's approval."""
    return vault.approvals.settings()


@router.put("/approvals/settings")
def change_approval_settings(vault: Vault, request: rest.ApprovalSettings) -> rest.ApprovalSettings:
    """Sets the verbs that need a second person's approval. As soon as there are any, each change of this
    setting needs approval itself."""
    return vault.approvals.change(request)


@router.get("/approvals/{number}")
def show_approval(vault: Vault, number: ApprovalNumber) -> rest.Approval:
    """What was asked, by whom, and what became of it."""
    return vault.approvals.show(number)


@router.post("/approvals/{number}/grant")
async def grant_approval(request: Request, vault: Vault, number: ApprovalNumber) -> rest.Approval:
    """Grants a request: it is carried out once, exactly as it was asked, for its asker. Only another person
    may grant it, who could make the same request. If it is no longer possible, the answer says why, and it
    still waits. A repeat gets the same answer. A request whose answer is a secret is carried out when its
    asker repeats it."""
    approvals = vault.approvals
    asker = await run_in_threadpool(approvals.asker_to_grant, number)
    if asker is not None:
        await replay_approved.rehearse(request.app, vault, number)
        record = await run_in_threadpool(approvals.existing, number)
        if is_secret(record):
            await run_in_threadpool(approvals.grant_later, number)
        else:
            await replay_approved.carry_out(request.app, vault, number, asker)
    return await run_in_threadpool(approvals.show, number)


@router.post("/approvals/{number}/refuse")
def refuse_approval(
    vault: Vault, once: OnceHeader, number: ApprovalNumber, request: rest.ApprovalRefusal | None = None
) -> rest.Approval:
    """Refuses a request: it is not carried out. Whoever may make the same request may refuse it; its asker
    withdraws it."""
    return vault.approvals.refuse(number, request or rest.ApprovalRefusal(), once)


@router.post("/approvals/{number}/withdraw")
def withdraw_approval(vault: Vault, once: OnceHeader, number: ApprovalNumber) -> rest.Approval:
    """Withdraws one's own request."""
    return vault.approvals.withdraw(number, once)
