"""Rotation of the vault's CA: a person replaces it in three steps, while everybody with a certificate of it
stays connected.

    rotate  a new CA is created; it is trusted beside the old one, which still issues
    switch  the new one issues; the old one is trusted as long as its certificates are in use
    drop    the old one is no longer trusted

`ca.pem` says which CAs are trusted; the first one issues. Each step commits by replacing that file. The key
of the CA that will issue waits in `next-ca.key`. The vault follows at its next start.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ....domain import errors
from ....ground import durable, seams
from ....ground.certificates import fingerprint
from .certificate_authority import CA_CERTIFICATE, NEXT_KEY, certificates, key_fits, make, pem_of, settle


class Phase(StrEnum):
    RESTING = "resting"
    BOTH_TRUSTED = "both-trusted"
    SWITCHED = "switched"


@dataclass(frozen=True, slots=True)
class RotationStanding:
    """The fingerprints of the trusted CAs, the issuing one first, and when that one ends."""

    phase: Phase
    trusted: tuple[str, ...]
    ends_at: datetime


def standing(directory: Path) -> RotationStanding:
    """The state of the rotation. Raises NotFound."""
    settle(directory)
    found = certificates(directory)
    waits = len(found) > 1 and (directory / NEXT_KEY).exists()
    phase = Phase.RESTING if len(found) == 1 else Phase.BOTH_TRUSTED if waits else Phase.SWITCHED
    return RotationStanding(phase, tuple(map(fingerprint, found)), found[0].not_valid_after_utc)


def rotate(directory: Path, name: str, now: datetime) -> None:
    """Create the new CA. Raises NotPossibleNow in the middle of a rotation."""
    _require(directory, Phase.RESTING, "a rotation of the CA is in progress")
    certificate, key_pem = make(f"secondsite CA of {now:%Y-%m-%d %H:%M:%S}, {name}", now)
    durable.write(directory / NEXT_KEY, key_pem, mode=0o600)
    seams.reach("vault.ca.key-made")
    durable.write(directory / CA_CERTIFICATE, pem_of(*certificates(directory), certificate), mode=0o644)


def switch(directory: Path) -> None:
    """Let the new CA issue from the next start on; the old one's key is deleted. Raises NotPossibleNow."""
    _require(directory, Phase.BOTH_TRUSTED, "there is no new CA that waits")
    old, new = certificates(directory)
    if not key_fits(directory / NEXT_KEY, new):
        raise errors.NotPossibleNow(
            f"{directory / NEXT_KEY} is not the key of the new CA.", do="Put it back from a backup."
        )
    durable.write(directory / CA_CERTIFICATE, pem_of(new, old), mode=0o644)
    seams.reach("vault.ca.switched")
    settle(directory)


def drop(directory: Path) -> None:
    """Trust the old CA no longer, from the next start on. Raises NotPossibleNow."""
    _require(directory, Phase.SWITCHED, "no former CA is trusted beside the one that issues")
    durable.write(directory / CA_CERTIFICATE, pem_of(certificates(directory)[0]), mode=0o644)


def _require(directory: Path, phase: Phase, why_not: str) -> None:
    found = standing(directory).phase
    if found is not phase:
        raise errors.NotPossibleNow(
            f"That is not the next step of the rotation: {why_not} (it is {found}).",
            do="See 'secondsite vault ca show': rotate, switch, drop come in this order.",
        )
