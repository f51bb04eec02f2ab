"""Overlays to run on, recorded where an appliance finds them: nothing below is written, and no cycle of
the source is taken any more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import files
from .problems import Problem
from .store import RUN, Point, Replica

WAY = "way"
"""The file in a run's folder that says how the machine was last started."""
BELOW = ".below.json"
"""The file in a run's folder whose overlays an appliance has made."""
OPTIONS = "compat=1.1,cluster_size=128k,extended_l2=on,extent_size_hint=0"
QUICK_SECONDS = 120
MERGE_SECONDS = 6 * 3600
MOST_FILES = 20
"""The most files of a chain on which a machine is started, including its overlay: libvirt 10.8 to 11.10
starts 25 at most. Appliances use the same number."""
LOCKED = re.compile(r"Failed to get .*lock")
TRIES, BUSY = 10, "Unable to get accurate CPU usage"
"""How often a call is repeated after this error: QEMU measures how fast it stretches a key, and that
sometimes fails on a busy host."""


def opened(replica: Replica, point: Point, key: Path | None) -> dict[str, Path]:
    """The files to run on, by disk key; a repeat returns the same. Raises Problem."""
    if replica.run is None:
        run = {"name": RUN, "point_id": point.id, "layer": point.layer, "writable": True, "through_seq": None}
        _save(replica, [*replica.record["runs"], run])
    elif replica.is_committed:
        missing = [name for name in point.disks if not replica.overlay(name).exists()]
        if missing:
            raise Problem(
                (
                    f"What {replica.name} runs on is not here ({', '.join(missing)}): its failover was "
                    "committed, and its disks were moved."
                ),
                "Start it where its disks are; an older point is not what it holds.",
            )
    elif replica.run.get("through_seq") is not None and not (
        replica.run.get("made") or replica.run_folder.is_dir()
    ):
        raise Problem(
            f"{replica.name} was about to be started at an instant between points, which was not finished.",
            f"Give that up ('discard {replica.typed}'), and start it from a point.",
        )
    _require_all_or_none(replica, point)
    replica.run_folder.mkdir(parents=True, exist_ok=True)
    files.sync_folder(replica.run_folder.parent)
    made = {name: _overlay(replica, point, name, size, key) for name, size in point.disks.items()}
    _note_made(replica)
    return made


def _note_made(replica: Replica) -> None:
    """Record that all overlays were made, as an appliance does: what the machine writes to them is kept by
    whoever ends its protection."""
    runs = [{**run, "made": True} if run["name"] == RUN else run for run in replica.record["runs"]]
    if runs != replica.record["runs"]:
        _save(replica, runs)


def _require_all_or_none(replica: Replica, point: Point) -> None:
    """Raises Problem for a machine that was started, here or by its appliance, and lacks one of its disks:
    made anew, that disk would be of another instant than the others."""
    missing = [name for name in point.disks if not replica.overlay(name).exists()]
    run = replica.run or {}
    was_made = run.get("made") or any((replica.run_folder / name).exists() for name in (WAY, BELOW))
    if missing and was_made:
        raise Problem(
            (
                f"{replica.name} was started from {point.id}, and of what it wrote since "
                f"{', '.join(missing)} is not here."
            ),
            (
                f"Put {replica.overlay(missing[0])} back; or give up what it wrote: 'discard "
                f"{replica.typed}', and start it again."
            ),
        )


def in_use(replica: Replica) -> bool:
    """Whether a program has the machine's files open for writing, by QEMU's locks."""
    overlays = [path for path in replica.run_folder.glob("*.qcow2") if not path.name.startswith(".")]
    return any(LOCKED.search(_run("qemu-img", "info", str(path)).stderr) for path in overlays)


def discarded(replica: Replica) -> str:
    """Gives up what a machine wrote that was started here; returns a sentence. Raises Problem if nothing may
    be given up."""
    if replica.run is None:
        return f"nothing was started from a point of {replica.name}"
    if replica.is_committed:
        raise Problem(
            f"The failover of {replica.name} was committed: what it wrote is the only copy of the machine.",
            "Start it again; there is nothing to go back to.",
        )
    others = [run for run in replica.record["runs"] if run["name"] != RUN]
    _save(replica, [*others, {**replica.run, "made": False}])
    _delete(replica.run_folder)
    _save(replica, others)
    return f"{replica.name} is as it was before it was started here; what it wrote since is gone"


def _delete(folder: Path) -> None:
    """Delete the folder, after hiding it as a whole: after an interruption a start must not find some of a
    machine's disks and make the others anew."""
    if folder.exists():
        doomed = folder.with_name(f".removed-{folder.name}-{os.getpid()}")
        folder.replace(doomed)
        files.sync_folder(folder.parent)
        shutil.rmtree(doomed, ignore_errors=True)  # appliances remove what is left


def qemu_img(*arguments: str, seconds: float = QUICK_SECONDS) -> str:
    """The output of qemu-img; raises Problem."""
    for _ in range(TRIES):
        done = _run("qemu-img", *arguments, seconds=seconds)
        if done.returncode == 0:
            return done.stdout
        if BUSY not in done.stderr:
            break
    raise Problem(
        f"qemu-img failed: {done.stderr.strip()}.", "Look at the store's disk, or choose another point."
    )


def checked(*arguments: str) -> str:
    """The output of `qemu-img check` about an image, good or bad; raises Problem if it does not end in
    time."""
    done = _run("qemu-img", "check", *arguments)
    return f"{done.stdout}\n{done.stderr}"


def _run(*command: str, seconds: float = QUICK_SECONDS) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        raise Problem(
            "There is no qemu-img here.", "Install QEMU: 'apt install qemu-system-x86 qemu-utils'."
        ) from None
    except subprocess.TimeoutExpired:
        raise Problem(f"qemu-img did not end within {seconds} s.", "Look at the store's disk.") from None


def _save(replica: Replica, runs: list[dict[str, object]]) -> None:
    replica.record["runs"] = runs
    files.write(replica.folder / "replica.json", files.signed(replica.record))


def _overlay(replica: Replica, point: Point, name: str, size_bytes: int, key: Path | None) -> Path:
    path = replica.overlay(name)
    if not path.exists():
        part, below = path.with_name(f".{path.name}.part"), replica.layer(name, point.layer)
        if not below.exists():
            raise Problem(
                f"{below} is missing: {point.id} of {replica.name} lacks its disk {name}.",
                "Choose another point.",
            )
        part.unlink(missing_ok=True)
        if key is None:
            below = _shortened(path, below, size_bytes)
        backing = os.path.relpath(below, path.parent)
        secret, options = encrypted(key)
        # the key opens what lies below too: -u leaves that closed
        qemu_img(
            "create",
            "-q",
            *secret,
            "-f",
            "qcow2",
            "-o",
            options,
            "-u",
            "-b",
            backing,
            "-F",
            "qcow2",
            str(part),
            str(size_bytes),
        )
        files.sync(part)
        part.replace(path)
        files.sync_folder(path.parent)
    return path


def _shortened(path: Path, below: Path, size_bytes: int) -> Path:
    """The file to put an overlay on: if there are too many files below, a merged file beside it with the
    content of the upper ones."""
    chain = json.loads(qemu_img("info", "--output=json", "--backing-chain", "-U", str(below)))
    if len(chain) + 1 <= MOST_FILES:
        return below
    merged = path.with_name(f".{path.stem}.merged.qcow2")
    if not merged.exists():
        part, lowest = merged.with_name(f"{merged.name}.part"), Path(chain[2 - MOST_FILES]["filename"])
        part.unlink(missing_ok=True)
        names = [os.path.relpath(each, path.parent) for each in (below, lowest)]
        made = ("create", "-q", "-f", "qcow2", "-o", OPTIONS, "-u", "-b", names[0], "-F", "qcow2")
        qemu_img(*made, str(part), str(size_bytes))
        laid = ("rebase", "-q", "-f", "qcow2", "-F", "qcow2", "-b", names[1])
        qemu_img(*laid, str(part), seconds=MERGE_SECONDS)
        files.sync(part)
        part.replace(merged)
    return merged


def encrypted(key: Path | None) -> tuple[list[str], str]:
    """What qemu-img is given for a new file that is encrypted with this key: its secret, and its options."""
    if key is None:
        return [], OPTIONS
    return [
        "--object",
        f"secret,id=key,file={key}",
    ], f"{OPTIONS},encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=1"
