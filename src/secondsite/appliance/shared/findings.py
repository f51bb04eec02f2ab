"""The health findings of one machine, each with the time since when it has been true."""

import threading
from datetime import UTC, datetime

from ...domain.health import CATALOGUE
from ...wire.common.findings import FindingShape

FOR_ERRORS = {
    "scratch-exhausted": "scratch-exhausted",
    "store-full": "target-store-full",
    "target-disk-full": "target-store-full",
    "inbox-full": "target-store-full",
    "store-away": "target-store-away",
    "store-unreadable": "target-store-away",
    "store-unwritable": "target-store-away",
    "peer-unreachable": "peer-unreachable",
    "peer-silent": "peer-unreachable",
    "peer-untrusted": "peer-unreachable",
    "replica-busy": "peer-unreachable",
    "replica-in-use": "replica-in-use",
    "old-disk-away": "old-disk-away",
    "not-found": "machine-missing",
    "out-of-order": "resynchronizing",
    "unsafe-to-view": "unsafe-to-view",
}
SAY_WHAT_TO_DO = frozenset({"target-store-full", "target-store-away", "old-disk-away"})
"""Errors of cycles that have a finding of their own, which says what to do."""
WENT_OFF_LATE, CHAIN_LONG, AGENT_NOT_REGISTERED = "went-off-late", "chain-long", "agent-not-registered"
"""Findings that stay for a while, whatever cycles do meanwhile."""
REFUSALS = {
    "wrong-epoch",
    "not-accepting",
    "wrong-source",
    "no-replica",
    "peer-refused",
    "records-behind",
    "firmware-missing",
    "replica-unreadable",
    "protocol-violated",
    "wrong-definition",
    "wrong-disks",
    "cycle-conflict",
    "digests-missing",
    "disk-too-large",
    "encryption-key-missing",
    "encryption-key-wrong",
}


def code_for(error_code: str) -> str:
    """The code of the finding for an error of a cycle."""
    if error_code in REFUSALS:
        return "peer-refused"
    return FOR_ERRORS.get(error_code, "cycle-failed")


class Findings:
    """A small set, one finding per code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_code: dict[str, FindingShape] = {}

    def add(self, code: str, what: str) -> None:
        """Add a finding; one that exists keeps its `since`."""
        assert code in CATALOGUE, code
        with self._lock:
            known = self._by_code.get(code)
            since = known.since if known else datetime.now(UTC)
            self._by_code[code] = FindingShape(code=code, what=what, since=since)

    def has(self, code: str) -> bool:
        with self._lock:
            return code in self._by_code

    def clear(self, *codes: str) -> None:
        with self._lock:
            for code in codes:
                self._by_code.pop(code, None)

    def clear_all_but(self, *codes: str) -> None:
        with self._lock:
            self._by_code = {code: kept for code, kept in self._by_code.items() if code in codes}

    def all(self) -> tuple[FindingShape, ...]:
        with self._lock:
            return tuple(self._by_code[code] for code in sorted(self._by_code))
