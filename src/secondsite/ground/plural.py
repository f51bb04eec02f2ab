"""Numbers with their nouns: "1 point", "2 points"."""

from __future__ import annotations


def counted(number: int, noun: str, many: str | None = None) -> str:
    """The number and the noun that goes with it; `many` for a noun whose plural does not just add an s."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"
