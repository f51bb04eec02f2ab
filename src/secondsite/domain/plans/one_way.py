"""Machines that are named together but would go in different directions: none is moved unasked (S-135).
Pure."""

from collections.abc import Sequence

from .. import errors
from .directions import Direction
from .run_selection import listed

Named = tuple[str, Direction]
"""A machine's name, and the direction in which it would go now."""


def others(named: Sequence[Named], wanted: Direction | None) -> tuple[str, ...]:
    """The names of the machines that are left out because they would go the other way. Raises NotPossibleNow
    if both directions are present and none is `wanted`, and if no machine is left."""
    ways = {way for _, way in named}
    if wanted is None:
        if len(ways) > 1:
            raise _both_ways(named)
        return ()
    left_out = tuple(name for name, way in named if way is not wanted)
    if len(left_out) == len(named):
        raise errors.NotPossibleNow(
            f"Of these machines none would go {wanted}: {_said(named)}.",
            do="Leave --direction out, or name others.",
        )
    return left_out


def _both_ways(named: Sequence[Named]) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"These machines would go different ways: {_said(named)}.",
        do="Choose a direction: --direction away or --direction home. The others are left out then.",
    )


def _said(named: Sequence[Named]) -> str:
    by_way = {each: [name for name, way in named if way is each] for each in Direction}
    return "; ".join(f"{way}: {listed(names, ', ')}" for way, names in by_way.items() if names)
