"""Block devices that are files: what a guest's logical volume is on a real host."""

import json
import os
import subprocess
from pathlib import Path

from rig.eventually import eventually

BUSY, TAKEN_SECONDS = "Device or resource busy", 20.0


class NoDevice(Exception):
    """The machine gives none, in its own words."""


def begin(file: Path) -> Path:
    """The device; `end` it. Raises NoDevice."""
    return Path(eventually(lambda: _made(file), TAKEN_SECONDS))


def _made(file: Path) -> str:
    """The device's path; empty if somebody else took the one that was free."""
    try:
        return _losetup("--find", "--show", "--direct-io=off", str(file))
    except NoDevice as problem:
        if BUSY in str(problem):
            return ""
        raise


def grow(device: Path, file: Path, size_bytes: int) -> None:
    """As 'lvextend' does with a logical volume."""
    os.truncate(file, size_bytes)
    _losetup("--set-capacity", str(device))


def file_of(device: Path) -> Path:
    """The file that it is."""
    return Path(Path(f"/sys/class/block/{device.name}/loop/backing_file").read_text().strip())


def exchange(device: Path, file: Path) -> None:
    """Another file is behind the device's path, as another disk after a reboot; nobody has it open."""
    end(device)
    _losetup("--direct-io=off", str(device), str(file))


def end(device: Path) -> None:
    """Take the device away; harmless if it is gone."""
    subprocess.run(["losetup", "--detach", str(device)], capture_output=True, timeout=30, check=False)


def remove(folder: Path) -> None:
    """Take away those of all files in a folder."""
    listed = json.loads(_losetup("--list", "--json", "--output", "NAME,BACK-FILE") or "{}")
    for each in listed.get("loopdevices", ()):
        if Path(each["back-file"]).is_relative_to(folder):
            end(Path(each["name"]))


def _losetup(*words: str) -> str:
    done = subprocess.run(["losetup", *words], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise NoDevice(done.stderr.strip())
    return done.stdout.strip()
