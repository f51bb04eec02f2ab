"""`python -m rig.packages [--release 13] [--fast]`: the Debian packages of this checkout; what lintian says
of them is shown, and is the exit code."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rig.packages.building import NotBuilt, built
from rig.packages.lintian import NotJudged, found
from rig.processes import DidNotStart
from rig.release import RELEASES, why_not
from rig.release.sources import NoSources, codename


def main(words: Sequence[str]) -> int:
    """0: built and clean; 1: not built, or lintian found something."""
    given = _parser().parse_args(words)
    lacking = why_not()
    if lacking is not None:
        print(f"error: no root of Debian {given.release}: {lacking}", file=sys.stderr)
        return 1
    try:
        packages = built(given.release, fast=given.fast)
        said = found(given.release, packages)
    except (NotBuilt, NotJudged, NoSources, DidNotStart, subprocess.SubprocessError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return _told(packages, said)


def _parser() -> argparse.ArgumentParser:
    here = next((number for number, name in RELEASES.items() if name == codename()), "13")
    parser = argparse.ArgumentParser(prog="./dev packages", description="Build the Debian packages.")
    parser.add_argument("--release", choices=sorted(RELEASES), default=here, help=f"of Debian; else {here}")
    parser.add_argument("--fast", action="store_true", help="compressed less: for tests, not for a release")
    return parser


def _told(packages: Sequence[Path], said: Sequence[str]) -> int:
    for path in packages:
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path}")
    for line in said:
        print(f"lintian: {line}", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
