"""How long the parts of one run took, as the machine's users feel them.

A part's seconds are those of the last attempt at its steps. Waiting for a machine's turn in a plan is not a
part: the next run may be of another plan. It does count as downtime, because the machine was down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Part(StrEnum):
    """A part of a run. prepare: checks, and copying while the machine runs; shut_down: until it is off;
    last_changes: what it wrote last is sent and made a point; start: until it was started at the other site;
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
"""The part to which each job step belongs, by the step's key; steps such as people's belong to none."""
DOWN = (Part.SHUT_DOWN, Part.LAST_CHANGES, Part.START)
"""The parts in which a machine that is moved without loss runs nowhere."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """The times of a step that was carried out. Skipped steps are left out."""

    key: str
    began: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """At least 0: a clock may have been set back."""
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
    """Seconds from the beginning of the shutdown at one site until the start at the other; None if the run
    did not do both: when a failed source stopped is not known."""
    last = {each.key: each for each in steps}
    stopped, started = last.get("shut_down"), last.get("start")
    if stopped is None or started is None:
        return None
    return max(0.0, round((started.ended - stopped.began).total_seconds(), 3))
