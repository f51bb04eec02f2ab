"""The files of evidence: written from what the vault has, and verified without it."""

import base64
from pathlib import Path

import pydantic

from ....client import Vault, validation_messages
from ....domain import errors
from ....domain.access import evidence
from ....domain.access.chain import Entry
from ....domain.access.evidence import Verdict
from ....wire import rest
from ....wire.rest.access.evidence import EvidenceFile


def read(vault: Vault, evidence_id: str) -> EvidenceFile:
    found = vault.evidence.show(evidence_id)
    named = sorted(evidence.pictures_of(found.evidence))
    pictures = {each: base64.b64encode(vault.evidence.picture(evidence_id, each)).decode() for each in named}
    return EvidenceFile(**dict(found), pictures=pictures)


def write(file: Path, text: str, option: str) -> None:
    """Raises InvalidArgument where that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise errors.InvalidArgument(
            f"{file} cannot be written: {error.strerror}.", do=f"Give another file with {option}."
        ) from error


def verdict(file: Path, audit: Path | None) -> Verdict:
    try:
        exported = EvidenceFile.model_validate_json(file.read_text())
    except (OSError, ValueError) as error:
        raise validation_messages.unreadable(
            file, "evidence", error, "evidence export ID --json-file FILE"
        ) from error
    if exported.entry is None:
        raise errors.InvalidArgument(
            f"{file} has no entry of the audit log with it: the log had deleted it when this was exported.",
            do="Export evidence while the audit log has its entry, or keep the log longer: 'secondsite audit keep for-ever'.",
        )
    log = None if audit is None else _log(audit)
    return evidence.verdict(exported.evidence, Entry(**dict(exported.entry)), log, exported.pictures)


def _log(file: Path) -> list[Entry]:
    try:
        lines = file.read_text().splitlines()
        return [Entry(**dict(rest.AuditEntry.model_validate_json(line))) for line in lines]
    except (OSError, UnicodeDecodeError, pydantic.ValidationError) as error:
        raise validation_messages.unreadable(
            file, "an export of the audit log", error, "audit export FILE"
        ) from error
