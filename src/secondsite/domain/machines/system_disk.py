"""Which of a machine's disks it boots from."""

from collections.abc import Iterable


def of(orders: Iterable[tuple[str, int | None]]) -> str | None:
    """The key of the disk that comes first in the boot order; None if the definition gives no disk a place
    in it."""
    placed = [(order, key) for key, order in orders if order is not None]
    return min(placed)[1] if placed else None
