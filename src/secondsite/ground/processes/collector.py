"""What a process has when it is ready stays until its end: the cyclic garbage collector need not look at it again.

Each full collection stops all threads while it walks every object. Measured in a vault that strangers attack, whose connections come
and go: pauses of 100 to 300 ms, ten or more a minute, were most of what the slowest answers waited for."""

import gc


def spare_what_is_here() -> None:
    """Collect once, and exempt what is left; may be repeated."""
    gc.collect()
    gc.freeze()
