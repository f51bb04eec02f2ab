"""Builds the Debian packages of a checkout, in a root of the release that they are for."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rig.packages import changelog
from rig.packages.layers import KEPT, Layer, base, forget_old
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
MOST_KEPT = 4
BUILD_SECONDS = 1800
GIT = ("git", "-c", "safe.directory=*", "-C", str(TOP))


class NotBuilt(Exception):
    """The packages could not be built; the text says where the story is."""


def built(version: str, *, fast: bool = False) -> list[Path]:
    """The packages of this checkout as it is, for a Debian release: files that stay for a while, and are not
    built again. `fast`: compressed less. Raises NotBuilt, DidNotStart, NoSources."""
    found = _built(TOP, _made_at("HEAD"), version, fast=fast)
    name = KEPT / version / "new"
    if name.is_dir() and not name.is_symlink():
        shutil.rmtree(name)
    name.unlink(missing_ok=True)
    name.symlink_to(found.name)
    return sorted(name.glob("*.deb"))


def built_before(version: str, revision: str = "HEAD~1") -> list[Path]:
    """As `built`, of an earlier commit, fast: what was built of that while it was the newest one is there
    still. Raises NotBuilt where that has no packages, too."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run([*GIT, "archive", revision], capture_output=True, check=True, timeout=120)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True, timeout=120)
        checkout = Path(folder)
        if not (checkout / "deploy/debian").exists():
            raise NotBuilt(f"{revision} has no packages")
        made_at = min(_made_at(revision), _made_at("HEAD") - timedelta(seconds=1))
        return sorted(_built(checkout, made_at, version, fast=True).glob("*.deb"))


def _built(checkout: Path, made_at: datetime, version: str, *, fast: bool) -> Path:
    """The folder of what was built, by the digest of what it was made of."""
    root, digest = base(version), _digest(checkout, f"{made_at} {fast}")
    goal = KEPT / version / digest[:16]
    with root.held():
        if not goal.exists():
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
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(layer.path(OUT), goal)
    os.utime(goal)
    forget_old([each for each in goal.parent.iterdir() if not each.is_symlink()], MOST_KEPT)
    return goal


def _give(layer: Layer, version: str, checkout: Path, made_at: datetime) -> None:
    subprocess.run(["rm", "-rf", layer.path("/srv/build")], check=True, timeout=300)
    for part in (each for each in PARTS if (checkout / each).exists()):
        layer.give(checkout / part, f"{SOURCE}/{part}")
    if (checkout / AGENT).exists():
        layer.give(checkout / AGENT, f"{SOURCE}/secondsite-agent")
    layer.give(BUILD, "/srv/build.sh")
    changelog.write(checkout, made_at, version, RELEASES[version], layer.path(f"{SOURCE}/changelog.debian"))


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
