"""Routes: what is kept of failovers and drills."""

from typing import Annotated

from fastapi import Path, Query

from ....wire import rest
from ...access import Vault
from ...routers import guarded

router = guarded("evidence")
EvidenceId = Annotated[str, Path(description="Id of the evidence.")]


@router.get("/evidence")
def list_evidence(vault: Vault, query: Annotated[rest.Paging, Query()]) -> rest.EvidencePage:
    """Of failovers, drills and their clean-ups that have ended, newest first. It is kept when their jobs are deleted."""
    return vault.evidence.list(query)


@router.get("/evidence/{evidence}")
def show_evidence(vault: Vault, evidence: EvidenceId) -> rest.EvidenceExport:
    """All that is kept of one of them, with its entry in the audit log: can be verified without a vault."""
    return vault.evidence.show(evidence)
