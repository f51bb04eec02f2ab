"""What one run took, in the parts that its machine's users feel.

A part's seconds are those of the last attempt at its steps. Waiting for a machine's turn in a plan is no
part: the next run may be another plan's. It does count for the downtime, because the machine was down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Part(StrEnum):
    """What a run is made of. prepare: checks, and copying while the machine runs; shut_down: until it is
    off; last_changes: what it wrote last is sent and made a point; start: until it was started there;
    proof: until it proved that its guest runs."""

    PREPARE = "prepare"
    SHUT_DOWN = "shut_down"
    LAST_CHANGES = "last_changes"
    START = "start"
    PROOF = "proof"


PART_OF: Mapping[str, Part] = {
    "check": Part.PREPARE,
    "pre_copy": Part.PREPARE,
    "stop_replication": Part.PREPARE,
    "shut_down": Part.SHUT_DOWN,
    "final_cycle": Part.LAST_CHANGES,
    "failover": Part.LAST_CHANGES,
    "choose": Part.LAST_CHANGES,
    "start": Part.START,
    "prove": Part.PROOF,
}
"""By the key of a job's step; others, such as people's, are no part."""
DOWN = (Part.SHUT_DOWN, Part.LAST_CHANGES, Part.START)
"""Parts in which a machine that is moved without loss runs nowhere."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step that was done. Those that were skipped are left out."""

    key: str
    began: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """Never below 0: a clock may have been set back."""
        return max(0.0, (self.ended - self.began).total_seconds())


def parts(steps: Sequence[StepTime]) -> Mapping[Part, float]:
    """The seconds of each part that the run had."""
    last = {each.key: each for each in steps}
    found: dict[Part, float] = {}
    for key, step in last.items():
        if key in PART_OF:
            found[PART_OF[key]] = round(found.get(PART_OF[key], 0.0) + step.seconds, 3)
    return found


def downtime(steps: Sequence[StepTime]) -> float | None:
    """Seconds from when the machine began to shut down at one side until it was started at the other; None
    if the run did not do both: of a source that failed nobody knows when it stopped."""
    last = {each.key: each for each in steps}
    stopped, started = last.get("shut_down"), last.get("start")
    if stopped is None or started is None:
        return None
    return max(0.0, round((started.ended - stopped.began).total_seconds(), 3))
