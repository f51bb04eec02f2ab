"""The customer's key at this appliance: read once at the start, never sent anywhere.

An appliance without a usable key works on with what is plain. What is encrypted stays as it is, and says why.
"""

from dataclasses import dataclass
from pathlib import Path

import structlog

from ..datapath import encryption_key
from ..datapath.encryption_key import EncryptionKey
from ..datapath.errors import KeyMissing, KeyWrong
from ..domain import errors

FINDINGS = {KeyMissing: "encryption-key-missing", KeyWrong: "encryption-key-wrong"}
"""What is found when a replica is asked for its key."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Custody:
    """The key, or why there is none."""

    key: EncryptionKey | None = None
    why_not: str = "no key was given to it"

    def require(self, about: str) -> EncryptionKey:
        """The key; raises KeyMissing that says how to give one."""
        if self.key is None:
            raise errors.KeyMissing(
                f"{about} cannot be encrypted by this appliance: {self.why_not}.", do=GIVE_ONE
            )
        return self.key


GIVE_ONE = "Run 'secondsite appliance set-key' at that appliance, keep a copy of the key in a safe place, and restart it."


def take(path: Path) -> Custody:
    """Read the key file. An absent one is no error; one that cannot be used is logged."""
    if not path.exists():
        return Custody(why_not=f"there is no key file {path}")
    try:
        return Custody(encryption_key.load(path))
    except KeyMissing as problem:
        log.error("encryption.key", problem=problem.message, do=problem.do)
        return Custody(why_not=problem.message.rstrip("."))
