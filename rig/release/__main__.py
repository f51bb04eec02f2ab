"""`python -m rig.release VERSION COMMAND...`: a `./dev` command in a root of that Debian release; ends
with its exit code."""

import subprocess
import sys
from collections.abc import Sequence

from rig.processes import DidNotStart
from rig.release import RELEASES, Root, why_not
from rig.release.sources import NoSources


def main(words: Sequence[str]) -> int:
    """The exit code of the command; 2 where there is nothing to run, 1 where the root cannot be had."""
    if len(words) < 2 or words[0] not in RELEASES:
        known = " or ".join(sorted(RELEASES))
        print(
            f"error: say a release, {known}, and a command\n       next: ./dev debian 13 demo",
            file=sys.stderr,
        )
        return 2
    lacking = why_not()
    if lacking is not None:
        print(f"error: no root of Debian {words[0]}: {lacking}", file=sys.stderr)
        return 1
    root = Root(words[0])
    try:
        return root.dev(*words[1:])
    except (NoSources, DidNotStart) as problem:
        print(f"error: {problem}", file=sys.stderr)
    except subprocess.CalledProcessError as problem:
        print(f"error: {problem}\n       the whole story: {root.home / 'making.log'}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
