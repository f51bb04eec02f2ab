"""Programs of a release that is in the history of this repository."""

import concurrent.futures
import contextlib
import functools
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from rig.processes import ROOT, Process

FOLDER = Path("/var/tmp")
COMMITS = {"release-2026-11-20": "ffa89fe2"}
COMMAND_SECONDS = 120


@functools.cache
def source(release):
    """The folder with the release's packages. Skips where the history, or what it needs, is missing."""
    commit = COMMITS[release]
    folder = FOLDER / f"ss-{release}-{commit}"
    if not (folder / "src").exists():
        _unpack(_archive(release, commit), folder)
    words = [sys.executable, "-m", "secondsite.entry.main", "--version"]
    asked = subprocess.run(
        words,
        env={"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    if asked.returncode != 0:
        pytest.skip(f"{release} cannot be run with the packages of today: {asked.stderr.splitlines()[-1:]}")
    return folder / "src"


def _archive(release, commit):
    words = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "archive", commit, "src"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_SECONDS)
    except FileNotFoundError:
        pytest.skip(f"{release} is taken from the history of the repository, and there is no git")
    if done.returncode != 0:
        pytest.skip(
            f"{release} ({commit}) is not in the history of this checkout: {done.stderr.decode().strip()}"
        )
    return done.stdout


def _unpack(archive, folder):
    """Whole or not at all: others may look for it at the same time."""
    fresh = Path(f"{folder}.{id(archive):x}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(fresh)
    try:
        fresh.rename(folder)
    except OSError:
        subprocess.run(["rm", "-r", str(fresh)], check=True, timeout=COMMAND_SECONDS)


@contextlib.contextmanager
def running(rig, release):
    """Vault and appliances of the release, by name, on the homes of the rig."""
    former = _processes(rig, release)
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(Process.start, former.values()))
        yield former
    finally:
        for process in former.values():
            process.kill()


def _processes(rig, release):
    path = {"PYTHONPATH": str(source(release))}

    def process(name, noun):
        words = [noun, "run", "--home", str(rig.home(name))]
        return Process(f"former {name}", words, rig.folder / f"former-{name}.log", f"{noun} ready", path)

    appliances = {site: process(f"appliance-{site}", "appliance") for site in ("a", "b")}
    return {"vault": process("vault", "vault"), **appliances}
