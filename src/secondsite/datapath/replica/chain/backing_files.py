"""Finds which file of a disk stands on which, by their headers.

Where a replica has merged layers, a layer stands on the one before it or on a merged one that ends with
that. Both give the same content, so a header may be changed from one to the other at any time, and what it
says now is the truth; the record says which files there are."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ... import errors
from ...disks import named_files
from ...encryption import EncryptionKey
from ..record.paths import ReplicaFiles
from ..record.record import DiskRecord, ReplicaState
from . import head_names

FAN_OUT: Final = 10
"""How many times as many layers a merged file of one level holds than one of the level above; a chain has one
file of each level. With 50, 200, 500 and 1,000 points a machine has 6, 7, 7 and 7 files then, its overlay
counted (ADR 157)."""


@dataclass(frozen=True, slots=True)
class ChainFile:
    """One file of a chain; `name` is unique in its chain and short. `key` is None for a plain file."""

    name: str
    path: Path
    image_format: str = "qcow2"
    key: EncryptionKey | None = None


def chain_to(
    files: ReplicaFiles, state: ReplicaState, disk: DiskRecord, top: int, key: EncryptionKey | None
) -> list[ChainFile]:
    """The files from the base up to layer `top`. Raises ImageProblem for a file that names another one as its
    backing file."""
    base = files.root / disk.base
    numbers = {layer.number for layer in state.layers}
    found, path, above = list[ChainFile](), head_names.file_of(files, state, disk.key, top), top + 1
    while (held := _held(files, state, numbers, path.name)) is not None and held[1] < above:
        found.append(ChainFile(_said(held), path, key=key))
        above = held[0]
        named = named_files.of(path)
        below = path.parent / (named.backing or "")
        if named.data or named.backing is None:
            break
        if files.held_by(named.backing) is None and _is(below, base):
            return [ChainFile("b", base, disk.base_format, key), *reversed(found)]
        if os.path.normpath(below.parent) != os.path.normpath(path.parent):
            break
        path = path.with_name(below.name)
    last = found[-1].path if found else path
    raise errors.ImageProblem(
        (
            f"{last} is to be read with '{named_files.of(last).backing}', which is none of the files below "
            "it: somebody has changed it."
        ),
        do=(
            "Start nothing from it or from later points. Use a point before it, or another store; find out "
            "who could write here."
        ),
    )


def users(files: ReplicaFiles, state: ReplicaState, key: str) -> dict[str, list[tuple[int, Path]]]:
    """The files that stand on each file of a disk, by that file's name; each with the number of the newest
    layer that it holds."""
    found: dict[str, list[tuple[int, Path]]] = {}
    folder = files.disk(key)
    for name, held in _own(files, state):
        path = folder / name
        named = named_files.of(path).backing if path.exists() else None
        if named is not None:
            found.setdefault(os.path.basename(named), []).append((held[0], path))
    return found


def window(chain: Sequence[ChainFile], numbers: Sequence[int]) -> tuple[int, int] | None:
    """Which files of a head's chain are to be merged, as (first, end); None for none. `numbers` are those of
    all layers.

    Two neighbours that each hold about as many layers become one file, as digits carry over, so that each
    level has one file. The base, the layer on it and the head are left alone."""
    files = chain[2:-1]
    levels = [_level(file, file, numbers) for file in files]
    for index in reversed(range(len(levels) - 1)):
        levels[index] = max(levels[index], levels[index + 1])
    for index in range(len(levels) - 1):
        if levels[index] == levels[index + 1]:
            first, last = index, files[index + 1]
            while first and _level(files[first], last, numbers) >= levels[first - 1]:
                first -= 1  # the sum would be merged with this one at once
            return first + 2, index + 4
    return None


def is_merged(file: ChainFile) -> bool:
    """Whether a file holds more than one layer."""
    low, high = span(file)
    return low != high


def span(file: ChainFile) -> tuple[int, int]:
    """The numbers of the oldest and the newest layer that a file holds."""
    low, _, high = file.name.partition("-")
    return int(low), int(high or low)


def _level(lowest: ChainFile, highest: ChainFile, numbers: Sequence[int]) -> int:
    low, high = span(lowest)[0], span(highest)[1]
    layers, level = sum(low <= number <= high for number in numbers), 0
    while layers >= FAN_OUT:
        layers, level = layers // FAN_OUT, level + 1
    return level


def _held(
    files: ReplicaFiles, state: ReplicaState, numbers: Container[int], name: str
) -> tuple[int, int] | None:
    """The oldest and the newest layer that a file of that name holds; None if the record has no such file.
    Computed only for the one name: with 1,000 points there are 1,900 names."""
    held = files.held_by(name)
    if held is None:
        return None
    low, high = held
    is_ours = held in state.merged if low != high else low in numbers
    return held if is_ours and name == _name(files, state, held) else None


def _name(files: ReplicaFiles, state: ReplicaState, held: tuple[int, int]) -> str:
    low, high = held
    return head_names.name_of(files, state, low) if low == high else files.merged_name(low, high)


def _own(files: ReplicaFiles, state: ReplicaState) -> Iterator[tuple[str, tuple[int, int]]]:
    """The names of all files of a disk above its base, each with the newest and the oldest layer that it
    holds."""
    for layer in state.layers:
        yield head_names.name_of(files, state, layer.number), (layer.number, layer.number)
    for low, high in state.merged:
        yield files.merged_name(low, high), (high, low)


def _said(held: tuple[int, int]) -> str:
    low, high = held
    return str(high) if low == high else f"{low}-{high}"


def _is(one: Path, other: Path) -> bool:
    try:
        return os.path.normpath(one) == os.path.normpath(other.absolute()) or one.samefile(other)
    except OSError:
        return False
