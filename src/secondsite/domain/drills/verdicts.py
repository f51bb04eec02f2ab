"""The verdict of a test failover: passed or failed; none if nothing was proven and nobody judged it."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether the machine was usable at the other site."""

    PASSED = "passed"
    FAILED = "failed"


def settled(said: Verdict | None, proven: Verdict | None) -> Verdict | None:
    """The verdict that counts: a person's, else the proof's."""
    return proven if said is None else said


def spoken(verdict: Verdict | None) -> str:
    """The verdict as a part of a sentence."""
    return "no verdict" if verdict is None else str(verdict.value)
