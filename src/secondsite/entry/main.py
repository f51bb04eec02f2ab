"""`secondsite`, the console script."""

import os
import sys

from ..ground.processes import collector
from . import running

PRIVATE = 0o077


def main() -> None:
    """Does not return: the exit code tells. What it writes is for its user alone: keys, tokens, guests' data."""
    os.umask(PRIVATE)
    words = sys.argv[1:]
    command = running.chosen(words)
    if command is not None:
        sys.exit(running.run(command, words))
    with collector.resting():
        from . import commands  # imported here: a vault or an appliance that runs needs nothing of it

    sys.exit(commands.run(words))


if __name__ == "__main__":
    main()
