"""Routes: evidence of failovers and drills."""

from typing import Annotated

from fastapi import Path, Query, Response

from ...wire import rest
from ...wire.rest.access.evidence import EvidenceExport, EvidencePage
from ..access import Vault
from ..routers import guarded

router = guarded("evidence")
PNG = "image/png"
BINARY = {"type": "string", "format": "binary"}
EvidenceId = Annotated[str, Path(description="Id of the evidence.")]


@router.get("/evidence")
def list_evidence(vault: Vault, query: Annotated[rest.Paging, Query()]) -> EvidencePage:
    """Evidence of failovers, drills and their clean-ups that have ended, newest first. It is kept when their
    jobs are deleted."""
    return vault.evidence.list(query)


@router.get("/evidence/{evidence}")
def show_evidence(vault: Vault, evidence: EvidenceId) -> EvidenceExport:
    """The whole evidence of one failover or drill, with its entry in the audit log: it can be verified
    without a vault."""
    return vault.evidence.show(evidence)


@router.get(
    "/evidence/{evidence}/pictures/{sha256}",
    response_class=Response,
    responses={200: {"content": {PNG: {"schema": BINARY}}}},
)
def show_evidence_picture(
    vault: Vault, evidence: EvidenceId, sha256: Annotated[str, Path(description="SHA-256 of the picture.")]
) -> Response:
    """The screen of a machine after its start, as the evidence has it: a PNG."""
    found = vault.evidence.picture(evidence, sha256)
    return Response(found, media_type=PNG)
