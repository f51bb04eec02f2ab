"""The customer's key at this appliance: read once at the start, never sent anywhere.

Without a usable key an appliance works on with plain replicas; encrypted ones stay as they are, with a finding.
"""

from dataclasses import dataclass
from pathlib import Path

import structlog

from ...datapath.encryption import EncryptionKey, customer_key
from ...datapath.errors import KeyMissing, KeyWrong

FINDINGS = {KeyMissing: "encryption-key-missing", KeyWrong: "encryption-key-wrong"}
"""The findings for errors of a replica's key."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Custody:
    """The key, or why there is none."""

    key: EncryptionKey | None = None
    why_not: str = "no key was given to it"

    def require(self, about: str) -> EncryptionKey:
        """The key; raises KeyMissing, which says how to set one."""
        if self.key is None:
            raise KeyMissing(f"{about} cannot be encrypted by this appliance: {self.why_not}.", do=GIVE_ONE)
        return self.key


GIVE_ONE = "Run 'secondsite appliance set-key' at that appliance, keep a copy of the key in a safe place, and restart it."


def take(path: Path) -> Custody:
    """Read the key file. A missing one is not an error; an unusable one is logged."""
    if not path.exists():
        return Custody(why_not=f"there is no key file {path}")
    try:
        return Custody(customer_key.load(path))
    except KeyMissing as problem:
        log.error("key.unusable", problem=problem.message, do=problem.do)
        return Custody(why_not=problem.message.rstrip("."))
