"""Checks values from somebody else's JSON: every database, file and other reader of JSON must accept them.

Python's and pydantic's readers take more than anybody sends: NaN, numbers beyond all bounds, half a
surrogate pair, a thousand levels. Each of them passes, and fails much later, where it is compared, copied
or stored."""

import math
from typing import Final

MOST_LEVELS: Final = 24
LARGEST: Final = 2**63 - 1


def require_storable(value: object, *, takes_nul: bool = False) -> None:
    """Raises ValueError, which names a value that is not accepted. `takes_nul`: NUL characters are accepted,
    because the caller replaces them before they reach a database."""
    here = [value]
    for _ in range(MOST_LEVELS):
        inside: list[object] = []
        for each in here:
            if isinstance(each, dict):
                inside += each
                inside += each.values()
            elif isinstance(each, list):
                inside += each
            elif not (isinstance(each, str) and each.isascii() and (takes_nul or "\0" not in each)):
                _check_one(each, takes_nul)
        if not inside:
            return
        here = inside
    raise ValueError(f"it has more than {MOST_LEVELS} levels")


def _check_one(value: object, takes_nul: bool) -> None:
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
        if "\0" in value and not takes_nul:
            raise ValueError("it has text with a NUL")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError("it has a number of more than 63 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it has a number that is not finite")
