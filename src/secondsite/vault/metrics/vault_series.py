"""The series of the vault itself, and of its jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from . import families as of
from .exposition import Exposition, labelled

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class VaultState:
    """What the vault tells of itself. `moving` and `ended` are jobs by verb and state."""

    name: str
    version: str
    backup_at: datetime | None
    ca_ends_at: datetime
    lag_seconds: float
    approvals: int
    moving: Counts
    ended: Counts


def tell(to: Exposition, vault: VaultState) -> None:
    """Add all that is known of it."""
    to.add(of.VAULT_INFO, labelled(of.VAULT_INFO.labels, (vault.name, vault.version)), 1)
    to.add(of.VAULT_BACKUP, "", vault.backup_at)
    to.add(of.VAULT_CA, "", vault.ca_ends_at)
    to.add(of.VAULT_LAG, "", vault.lag_seconds)
    to.add(of.APPROVALS, "", vault.approvals)
    for labels, count in vault.moving.items():
        to.add(of.JOBS, labelled(of.JOBS.labels, labels), count)
    for labels, count in vault.ended.items():
        to.add(of.JOBS_ENDED, labelled(of.JOBS_ENDED.labels, labels), count)
