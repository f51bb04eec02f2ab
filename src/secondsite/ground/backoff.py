"""How long to wait after failures in a row."""

from __future__ import annotations

from typing import Final

_MOST_DOUBLINGS: Final = 60


def pause_seconds(failures: int, first: float, longest: float) -> float:
    """The pause after so many failures in a row: `first` seconds after one, doubled for each further one,
    at most `longest`; 0 without failures."""
    if failures <= 0:
        return 0.0
    return min(first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), longest)
