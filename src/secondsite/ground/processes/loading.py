"""What a service loads stays in memory as long as it runs."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

FOR_SCREENS: Final = ("rich",)
"""Libraries load it if it is there: structlog does, for exceptions in colours, with what highlights programs.
A service logs JSON. Of each process 4 MB, and a seventh of its start."""


@contextlib.contextmanager
def without(names: tuple[str, ...]) -> Iterator[None]:
    """Inside the context these modules cannot be imported, but for those that are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
