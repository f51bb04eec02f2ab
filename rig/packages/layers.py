"""Roots of a Debian release that lie over a bare one, which stays as debootstrap left it: a new one costs
nothing."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rig.release.root import APART, ENTER, TOP, Root

KEPT = TOP / ".cache" / "packages"
OVER = f"""
mount -t overlay -o "lowerdir=$1,upperdir=$2/up,workdir=$2/work" layer "$2/root"
root=$2/root
shift 2
exec sh -euc '{ENTER}' enter "$root" "$@"
"""


def base(version: str) -> Root:
    """The bare root of a release."""
    return Root(version, KEPT)


class Layer:
    """Over the bare root of a release, or over another layer of it, which must not change any more. What it
    has and that has not lies in `folder`."""

    def __init__(self, over: "Root | Layer", folder: Path) -> None:
        self._over, self.folder = over, folder
        for each in ("up", "work", "root"):
            (folder / each).mkdir(parents=True, exist_ok=True)

    @property
    def root(self) -> Root:
        """The bare one below all."""
        return self._over if isinstance(self._over, Root) else self._over.root

    @property
    def lower(self) -> str:
        """What a further layer over this one, or a host, is laid over, as overlayfs reads it."""
        return f"{self.folder / 'up'}:{self._below}"

    @property
    def _below(self) -> str:
        return str(self._over.folder) if isinstance(self._over, Root) else self._over.lower

    def path(self, inside: str) -> Path:
        """Of what was written there; only while nothing runs there."""
        return self.folder / "up" / inside.lstrip("/")

    def give(self, source: Path, inside: str) -> None:
        """A file or a folder, as it is now."""
        goal = self.path(inside)
        goal.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(goal, ignore_errors=True)
            shutil.copytree(source, goal, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, goal)

    def run(
        self, *words: str, within_seconds: float = 900, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A command there, as root; its output and errors are one text."""
        return subprocess.run(
            [*APART, "sh", "-euc", OVER, "over", self._below, str(self.folder), *words],
            env={**self.root.environment(), **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=within_seconds, check=False,
        )  # fmt: skip

    def must(self, *words: str, within_seconds: float = 900, **variables: str) -> str:
        """As `run`; gives what was printed, and raises CalledProcessError, with that, if it failed."""
        done = self.run(*words, within_seconds=within_seconds, **variables)
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout)
        return done.stdout


def forget_old(kept: Sequence[Path], most: int) -> None:
    """Of layers, those that were used last stay."""
    for old in sorted(kept, key=lambda path: path.stat().st_mtime)[:-most]:
        subprocess.run(["rm", "-rf", "--one-file-system", old], check=True, timeout=300)
