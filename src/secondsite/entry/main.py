"""`secondsite`, the console script."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..ground.processes import surroundings

PRIVATE = 0o077
INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its exit code. Files that it writes can be read only by their user:
    they hold keys, tokens, guests' data."""
    os.umask(PRIVATE)
    surroundings.settle()
    words = sys.argv[1:]
    with surroundings.ended_by_interrupt():
        from . import running  # imported here, as they take longest

        command = running.chosen(words)
    if command is not None:
        _run(command, words)
    sys.exit(_commanded(words))


def _commanded(words: Sequence[str]) -> int:
    with surroundings.ended_by_interrupt():
        from ..ground.processes import collector

        with collector.resting():
            from . import commands  # a vault or an appliance that runs needs nothing of it
    try:
        return commands.run(list(words))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        surroundings.flush()


def _run(command: Callable[..., None], words: Sequence[str]) -> NoReturn:
    """Run a service and exit at once when it has stopped, without waiting for threads: one may carry out an
    order that takes hours, such as a script. What it has started ends with the process."""
    from . import running

    code = 1
    try:
        code = running.run(command, words)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:
        sys.excepthook(*sys.exc_info())
    surroundings.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
