"""Numbers that only rise: epochs, generations, numbers of cycles and of vaults. How far, and which word of
another party about one is believed.

Whoever counts by what others say must not be led where it cannot count on. So one bound holds for all that
is given and told, and nobody is believed who says more than can have been counted (ADR 146)."""

MOST = 2**63 - 1
"""What SQLite and PostgreSQL hold."""
BELIEVED = 2**62
"""Of a machine of which nobody here has counted yet: whoever counts on from there never comes to the
bound."""
MOST_VERBS_UNSEEN = 100_000
"""Verbs of one machine that a vault may have given and not know of, since it was restored from a backup:
seven every day for forty years."""
MOST_MARKS_UNSEEN = 1_000_000
"""Marks of a vault's database that it may not know of since: one every ten minutes for nineteen years."""


def next_after(number: int) -> int:
    """The following number; the last one follows itself."""
    return min(number + 1, MOST)


def believed(told: int, counted: int, unseen: int) -> bool:
    """Whether so many more than were counted here can have been given."""
    return 0 <= told <= min(counted + unseen, MOST)
