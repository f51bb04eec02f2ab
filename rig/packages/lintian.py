"""What lintian finds in our packages, beside what is overridden with its reason."""

from collections.abc import Sequence
from pathlib import Path

from rig.packages.layers import Layer, base

SECONDS = 900
LOOK = """
cd "$1"
unknown=  # lintian says that of zstd, which dpkg reads, and looks inside all the same
! ar t "$2" | grep -q zst || unknown=--suppress-tags=malformed-deb-archive
exec lintian --allow-root --tag-display-limit 0 $unknown *.changes
"""
IN = "/srv/judged"


class NotJudged(Exception):
    """lintian could not look at them; the text has what it said."""


def found(version: str, packages: Sequence[Path]) -> list[str]:
    """Each finding, worse than a hint, that nobody gave a reason for. The packages were built here."""
    root = base(version)
    with root.held():
        layer = Layer(root, root.home / "building")
        layer.give(packages[0].parent, IN)
        done = layer.run("sh", "-euc", LOOK, "look", IN, packages[0].name, within_seconds=SECONDS)
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 2):
        raise NotJudged(done.stdout[-2000:])
    return [line for line in lines if line[:2] in ("E:", "W:")]
