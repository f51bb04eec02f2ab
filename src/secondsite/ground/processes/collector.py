"""What a process has when it is ready stays until its end: the cyclic garbage collector need not look at it
again.

Each full collection stops all threads while it walks every object. Measured in a vault that strangers
attack, whose connections come and go: pauses of 100 to 300 ms, ten or more a minute, were most of what the
slowest answers waited for."""

import contextlib
import gc
from collections.abc import Iterator

YOUNG, MIDDLE = 700, 10
"""As Python has them."""
SELDOM = 100
"""Collections of the middle generation until all is looked at again; Python has 10. In a vault of 1,000
machines, whose statuses come and go all the time, that was every three seconds for 100 ms, and most of
what its slowest answers waited for. What is left for it is little: all else goes as soon as nobody has it."""


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """Nothing is collected within: what a program loads stays, and to look at it again and again took a
    seventh of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def spare_what_is_here() -> None:
    """Collect once, and exempt what is left; may be repeated."""
    gc.collect()
    gc.freeze()


def look_at_all_seldom() -> None:
    """For a process whose large objects are in no circles."""
    gc.set_threshold(YOUNG, MIDDLE, SELDOM)
