"""What a source is told when its replica cannot be compared with, or looked at."""

from ....datapath.errors import CycleRefused, tells_of_another_program, tells_of_damage
from ....domain.errors import KeyMissing, KeyWrong, OldDiskAway, SecondsiteError, StoreFull
from ..replica import IN_USE_WHAT

OWN_CODES = (KeyMissing, KeyWrong, OldDiskAway, StoreFull)
"""Errors that have a finding of their own at the source, and end once what they say has been done."""


def refused(error: SecondsiteError) -> CycleRefused:
    """The refusal for an error. One that does not pass by itself is not told as "target is busy": a planned
    failover would wait for that."""
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
