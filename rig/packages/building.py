"""Builds the Debian packages of a checkout, in a root of the release that they are for."""

import hashlib
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rig.packages import changelog
from rig.packages.layers import KEPT, Layer, base
from rig.release import RELEASES
from rig.release.root import TOP

BUILD = Path(__file__).with_name("build.sh")
SOURCE, OUT = "/srv/build/secondsite", "/srv/out"
PARTS = (
    "src",
    "docs",
    "manual",
    "deploy",
    "requirements",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "CHANGELOG.md",
    "changelog",
)
MADE = {"__pycache__", "built_manual"}
"""Made anew by the build, whatever a checkout has of it."""
AGENT = ".cache/agent/secondsite-agent"
"""Of a checkout, if `./dev agent` has built it."""
DIGEST = "made-of"
BUILD_SECONDS = 1800
GIT = ("git", "-c", "safe.directory=*", "-C", str(TOP))


class NotBuilt(Exception):
    """The packages could not be built; the text says where the story is."""


def built(version: str, *, fast: bool = False) -> list[Path]:
    """The packages of this checkout as it is, for a Debian release: files that stay until others are built,
    and are not built again. `fast`: compressed less. Raises NotBuilt, DidNotStart, NoSources."""
    return _built(TOP, _made_at("HEAD"), version, "new", fast=fast)


def built_before(version: str, revision: str = "HEAD~1") -> list[Path]:
    """As `built`, of an earlier commit, fast. Raises NotBuilt where that has no packages, too."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            [*GIT, "archive", revision, *PARTS], capture_output=True, check=True, timeout=120
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True, timeout=120)
        checkout = Path(folder)
        if not (checkout / "deploy/debian").exists():
            raise NotBuilt(f"{revision} has no packages")
        made_at = min(_made_at(revision), _made_at("HEAD") - timedelta(seconds=1))
        return _built(checkout, made_at, version, "before", fast=True)


def _built(checkout: Path, made_at: datetime, version: str, name: str, *, fast: bool) -> list[Path]:
    root, goal = base(version), KEPT / version / name
    digest = _digest(checkout, f"{made_at} {fast}")
    with root.held():
        if (goal / DIGEST).exists() and (goal / DIGEST).read_text() == digest:
            return sorted(goal.glob("*.deb"))
        layer = Layer(root, root.home / "building")
        _give(layer, version, checkout, made_at)
        done = layer.run(
            "sh", "/srv/build.sh", SOURCE, OUT, within_seconds=BUILD_SECONDS,
            SECONDSITE_COMPRESSION="-Zzstd -z3" if fast else "-Zxz", SECONDSITE_KEPT="/srv/kept",
        )  # fmt: skip
        log = root.home / "building.log"
        log.write_text(done.stdout)
        if done.returncode != 0:
            raise NotBuilt(f"the packages could not be built; the whole story: {log}")
        return _taken(layer.path(OUT), goal, digest)


def _give(layer: Layer, version: str, checkout: Path, made_at: datetime) -> None:
    subprocess.run(["rm", "-rf", layer.path("/srv/build")], check=True, timeout=300)
    for part in PARTS:
        layer.give(checkout / part, f"{SOURCE}/{part}")
    if (checkout / AGENT).exists():
        layer.give(checkout / AGENT, f"{SOURCE}/secondsite-agent")
    layer.give(BUILD, "/srv/build.sh")
    changelog.write(checkout, made_at, version, RELEASES[version], layer.path(f"{SOURCE}/changelog.debian"))


def _taken(out: Path, goal: Path, digest: str) -> list[Path]:
    shutil.rmtree(goal, ignore_errors=True)
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(out, goal)
    (goal / DIGEST).write_text(digest)
    return sorted(goal.glob("*.deb"))


def _digest(checkout: Path, more: str) -> str:
    """Of all that packages are made of."""
    found = hashlib.sha256(more.encode() + BUILD.read_bytes())
    for path in sorted(
        each for part in (*PARTS, AGENT) for each in (checkout / part, *(checkout / part).rglob("*"))
    ):
        if path.is_file() and not MADE & set(path.parts):
            found.update(f"{path.relative_to(checkout)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _made_at(revision: str) -> datetime:
    """When the commit was made."""
    said = subprocess.run(
        [*GIT, "log", "-1", "--format=%ct", revision], capture_output=True, text=True, check=True, timeout=60
    )
    return datetime.fromtimestamp(int(said.stdout), UTC)
