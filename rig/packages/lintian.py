"""What lintian finds in our packages, beside what is overridden with its reason."""

from collections.abc import Sequence
from pathlib import Path

from rig.packages.layers import Layer, base

SECONDS = 900
LOOK = """
cd "$1"
unknown=  # lintian says that of zstd, which dpkg reads, and looks inside all the same
! ar t "$2" | grep -q zst || unknown=--suppress-tags=malformed-deb-archive
exec lintian --allow-root --show-overrides --tag-display-limit 0 $unknown *.changes
"""
IN = "/srv/judged"
LOOKED = "O: "
"""Begins the lines of what is overridden, and some is. They are said after all checks were run: one that was
killed does not come to them, or ends with another code. Its own count of them it leaves out where nothing
else was found."""
CLEAN, WITH_ERRORS = 0, 2


class NotJudged(Exception):
    """lintian could not look at them; the text has what it said."""


def found(version: str, packages: Sequence[Path]) -> list[str]:
    """Each finding, worse than a hint, that nobody gave a reason for. The packages were built here."""
    root = base(version)
    with root.held():
        layer = Layer(root, root.home / "building")
        layer.give(packages[0].parent, IN)
        done = layer.run("sh", "-euc", LOOK, "look", IN, packages[0].name, within_seconds=SECONDS)
    return judged(done.returncode, done.stdout)


def judged(code: int, said: str) -> list[str]:
    """The findings in what it said. Raises NotJudged unless it looked at all to the end: its code says then
    whether there is an error among them. Debian 12's counts those that are overridden, too."""
    lines = said.splitlines()
    found = [line for line in lines if line[:2] in ("E:", "W:")]
    has_errors = any(line.startswith("E:") for line in found)
    has_looked = any(line.startswith(LOOKED) for line in lines)
    if not has_looked or code not in ((WITH_ERRORS,) if has_errors else (CLEAN, WITH_ERRORS)):
        raise NotJudged(f"exit code {code}: {said[-2000:]}")
    return found
