"""`secondsite`, the console script."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..ground.processes import collector
from . import running

PRIVATE = 0o077


def main() -> None:
    """Does not return: the exit code tells. What it writes is for its user alone: keys, tokens, guests' data."""
    os.umask(PRIVATE)
    words = sys.argv[1:]
    command = running.chosen(words)
    if command is not None:
        _run(command, words)
    with collector.resting():
        from . import commands  # imported here: a vault or an appliance that runs needs nothing of it

    sys.exit(commands.run(words))


def _run(command: Callable[..., None], words: Sequence[str]) -> NoReturn:
    """It has stopped, and ends: a thread that carries out an order, as a script that runs for hours, does not hold it up. What such
    a one has started ends with the process."""
    code = 1
    try:
        code = running.run(command, words)
    except Exception:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
