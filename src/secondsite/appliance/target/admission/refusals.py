"""Why a replica can be compared with nothing, or looked at, as its source is told."""

from ....datapath.errors import CycleRefused, tells_of_another_program, tells_of_damage
from ....domain.errors import KeyMissing, KeyWrong, SecondsiteError, StoreFull
from ..replica import IN_USE_WHAT

OWN_CODES = (KeyMissing, KeyWrong, StoreFull)
"""What ends by itself with what is said to be done, and has a finding of its own at the source."""


def refused(error: SecondsiteError) -> CycleRefused:
    """What does not pass by itself is told as what it is, and not as a target that is busy: who waits for
    a planned failover waits for that."""
    if isinstance(error, OWN_CODES):
        return CycleRefused(error.code, error.message, do=error.do)
    if tells_of_damage(error):
        return CycleRefused(
            "replica-unreadable",
            f"a file of the replica cannot be read at the target: {error.message}",
            do="Fail over from a point that is whole, or disable protection and enable it again.",
        )
    if tells_of_another_program(error):
        return CycleRefused(
            "replica-in-use", f"{IN_USE_WHAT}: {error.message}", do="End that program at the target's site."
        )
    return CycleRefused("replica-busy", error.message, do=error.do)
