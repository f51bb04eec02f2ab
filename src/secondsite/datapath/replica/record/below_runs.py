"""The layers below machines that run on a replica: nobody should write to them meanwhile.

Whoever controls the machine can still write to them: a block commit without '--base' merges a whole disk into
its lowest file. So the state of the files is noted in the run's folder when the run is opened, and compared
later. A copy of a store has other inodes, and may have times of whole seconds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ....ground import durable, real_files
from ... import errors
from .paths import ReplicaFiles
from .record import ReplicaState

Look = tuple[int, int]


def note(
    files: ReplicaFiles, run_name: str, below: Mapping[str, Iterable[Path]], *, again: bool = False
) -> None:
    """Note the present state of these files, by disk key; `again`: in place of what was noted."""
    place = files.run_below(run_name)
    if again or not place.exists():
        found = {
            key: {
                str(path.relative_to(files.root)): _look(path)
                for path in paths
                if path.is_relative_to(files.root)
            }
            for key, paths in below.items()
        }
        durable.write(place, json.dumps(found))


def changed(files: ReplicaFiles, state: ReplicaState) -> tuple[str, ...]:
    """Keys of the disks of which a file below a run differs from what was noted. A committed run is not
    checked: it is merged into these files."""
    return _differing(files, state, _look)


def altered(files: ReplicaFiles, state: ReplicaState) -> tuple[str, ...]:
    """As `changed`, of files that are there now, or are lost. Raises ImageProblem while one cannot be looked
    at: its file system is away for a moment."""
    return _differing(files, state, _look_closely)


def _differing(files: ReplicaFiles, state: ReplicaState, look: Callable[[Path], Look]) -> tuple[str, ...]:
    if state.stands_on_its_run:
        return ()
    told = [
        key
        for run in state.runs
        for key, known in _noted(files.run_below(run.name)).items()
        if any(look(files.root / name) != tuple(noted) for name, noted in known.items())
    ]
    return tuple(dict.fromkeys(key for key in told if key in state.keys))


def accept(files: ReplicaFiles, state: ReplicaState) -> None:
    """Note the present state of the files below all runs."""
    for run in state.runs:
        known = _noted(files.run_below(run.name))
        if known:
            below = {key: [files.root / name for name in names] for key, names in known.items()}
            note(files, run.name, below, again=True)


def _noted(place: Path) -> dict[str, dict[str, Look]]:
    """What was noted, by disk key; empty for a run that a former release opened."""
    try:
        return dict(json.loads(real_files.content(place)))
    except (OSError, ValueError):
        return {}


def _look(path: Path) -> Look:
    """Length and time of a file; a missing file differs from any other."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, int(found.st_mtime)


def _look_closely(path: Path) -> Look:
    try:
        os.stat(path)
    except OSError as problem:
        if not isinstance(problem, FileNotFoundError) or not os.path.isdir(path.parent):
            raise errors.ImageProblem(
                f"{path} cannot be looked at: {problem.strerror}.",
                do="Look at the mounts and the kernel's log of this host.",
            ) from problem
    return _look(path)
