"""Tunes the cyclic garbage collector: objects that a process has when it is ready stay until its end, and
need not be looked at again.

Each full collection stops all threads while it walks every object. Measured in a vault that strangers
attack, whose connections come and go: pauses of 100 to 300 ms, ten or more a minute, were most of what the
slowest answers waited for."""

import contextlib
import gc
from collections.abc import Iterator

YOUNG, MIDDLE = 700, 10
"""Thresholds of the young and the middle generation, as Python has them."""
SELDOM = 100
"""Collections of the middle generation between two full collections; Python has 10. In a vault of 1,000
machines, whose statuses come and go all the time, that was every three seconds for 100 ms, and most of what
its slowest answers waited for. Few objects need it: all others are freed as soon as nothing refers to
them."""


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """Inside the context nothing is collected: what a program loads stays, and looking at it again and again
    took a seventh of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def spare_what_is_here() -> None:
    """Collect once, and exempt everything that is left from later collections; may be repeated."""
    gc.collect()
    gc.freeze()


def look_at_all_seldom() -> None:
    """Make full collections rare, for a process whose large objects are in no reference cycles."""
    gc.set_threshold(YOUNG, MIDDLE, SELDOM)
