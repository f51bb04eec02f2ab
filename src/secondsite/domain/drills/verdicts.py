"""What a test failover showed: passed or failed. Nothing is said of one that proved nothing and that
nobody judged."""

from enum import StrEnum


class Verdict(StrEnum):
    """Whether the machine is of use at the other site."""

    PASSED = "passed"
    FAILED = "failed"


def settled(said: Verdict | None, proven: Verdict | None) -> Verdict | None:
    """A person who looked knows more than the proof."""
    return proven if said is None else said


def spoken(verdict: Verdict | None) -> str:
    """As a part of a sentence."""
    return "no verdict" if verdict is None else str(verdict.value)
