"""Routes: the audit log."""

from typing import Annotated

from fastapi import Query

from ...wire import rest
from ..access import Vault
from ..routers import guarded

router = guarded("audit")


@router.get("/audit")
def list_audit(vault: Vault, query: Annotated[rest.AuditQuery, Query()]) -> rest.AuditPage:
    """Every change and every refused attempt, newest first: who, from where, what, before and after, and
    the job."""
    return vault.audit.list(query)


@router.get("/audit/verify")
def verify_audit(vault: Vault) -> rest.AuditCheck:
    """Checks the log's chain; gives the first entry that is wrong or missing."""
    return vault.audit.verify()


@router.get("/audit/settings")
def show_audit_settings(vault: Vault) -> rest.AuditSettings:
    """How long the log is kept."""
    return vault.audit.settings()


@router.put("/audit/settings")
def change_audit_settings(vault: Vault, request: rest.AuditSettings) -> rest.AuditSettings:
    """Sets how long entries are kept; older ones are deleted within an hour, and the rest can still be
    verified."""
    return vault.audit.keep(request)
