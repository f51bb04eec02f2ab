"""The verdict that the proof of a machine gives. Pure."""

from ....domain.drills.verdicts import Verdict
from ....wire.common.evidence import Evidence
from ....wire.common.machines import PowerState


def verdict_of(evidence: Evidence) -> Verdict | None:
    """A guest that is silent may be slow; one that is off, or a check that failed, is not."""
    if evidence.proven:
        return Verdict.PASSED
    if evidence.checks or evidence.power == PowerState.OFF:
        return Verdict.FAILED
    return None
