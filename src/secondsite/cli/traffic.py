"""How much of a machine was sent, and how fast: for the progress bar of a pass over whole disks."""

import time
from dataclasses import dataclass

from ..client import Vault
from ..domain import amounts, errors
from ..wire import rest

ASK_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class _Sample:
    asked_at: float
    first_at: float
    first_bytes: int
    text: str = ""


class Traffic:
    """Asks the vault for a machine's figures, at most once a second each."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._seen: dict[str, _Sample] = {}

    def of(self, job: rest.Job) -> str:
        """'52.1 MB sent, 8.3 MB/s', counted since the first look; empty while nothing is known."""
        if not job.subject:
            return ""
        now = time.monotonic()
        seen = self._seen.get(job.subject)
        if seen is None or now - seen.asked_at >= ASK_EVERY_SECONDS:
            self._look(job.subject, seen, now)
        return self._seen[job.subject].text if job.subject in self._seen else ""

    def _look(self, machine: str, seen: _Sample | None, now: float) -> None:
        try:
            sent = self._vault.machines[machine].show().replication.total_wire_bytes
        except errors.SecondsiteError:
            return
        if seen is None:
            seen = self._seen.setdefault(machine, _Sample(now, now, sent))
        seen.asked_at = now
        seen.text = f"{amounts.size(sent)} sent"
        rate = (sent - seen.first_bytes) / (now - seen.first_at) if now > seen.first_at else 0
        if rate > 0:
            seen.text += f", {amounts.rate(rate)}"
