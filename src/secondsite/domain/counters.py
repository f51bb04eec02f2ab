"""Bounds for numbers that only rise: epochs, generations, numbers of cycles and of vaults.

A party that reports a number too near the largest possible one could keep everybody from counting on. So one
bound holds for all numbers that are given or reported, and a number higher than can have been counted is not
believed (ADR 146).
"""

MOST = 2**63 - 1
"""The largest integer that SQLite and PostgreSQL hold."""
BELIEVED = 2**62
"""The bound for a machine whose number was never counted here: counting on from it never reaches MOST."""
MOST_VERBS_UNSEEN = 100_000
"""How many verbs of one machine a vault that was restored from a backup may have given without knowing: seven
a day for forty years."""
MOST_MARKS_UNSEEN = 1_000_000
"""How many marks of its database such a vault may not know of: one every ten minutes for nineteen years."""


def next_after(number: int) -> int:
    """The following number; MOST itself is followed by MOST."""
    return min(number + 1, MOST)


def believed(told: int, counted: int, unseen: int) -> bool:
    """Whether `told` is possible: at most `unseen` above what was counted here."""
    return 0 <= told <= min(counted + unseen, MOST)
