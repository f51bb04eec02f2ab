"""What a machine has by name, such as its checks and its hooks, has each name once."""

from collections import Counter
from collections.abc import Iterable

from .....domain import errors


def require_each_once(names: Iterable[str], noun: str) -> None:
    """Raises InvalidArgument."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise errors.InvalidArgument(
            f"A {noun} is named more than once: {', '.join(twice)}.", do="Give each a name of its own."
        )
