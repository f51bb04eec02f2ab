"""What is in a store: machines, points, and their vault's data. This module only reads."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import copies, files
from .problems import Problem
from .terminal_text import one_line, typed

RUN = "failover"
"""The name of a failed-over machine's run; appliances know it by this name."""
CONFIGURATION = "configuration.json"
START = "start.json"
GRADES = "grades.json"
RECORD = "machine.json"
ENDED = "ended.json"
"""The file in a replica's folder that says since when its machine is not protected any more: its files were
left, and no vault has it."""
RESERVE = "start.reserve"
"""In a store: space that replication left for starts."""
"""The file beside a replica with what its vault knew of the machine."""
STAND_IN = ".stand-in"
"""In a run's folder, after a disk's key: the file that stands in for a disk that was left out."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MISPLACED = "holds the replica of"
NAME_IT = "; if its machines are meant, too, name it: --store FOLDER"
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a damaged replica raises."""
FIRMWARE = re.compile(r"firmware/[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Point:
    """A recovery point. `layer`: the number of its files; `problem`: why nothing can start from it."""

    id: str
    layer: int
    manifest: dict[str, Any]
    grade: str = ""
    problem: str = ""
    held: str = ""
    """Why it is held."""

    @property
    def taken_at(self) -> str:
        """The point's instant by the source's clock; ISO 8601 in UTC."""
        return str(self.manifest.get("taken_at", ""))

    @property
    def consistency(self) -> str:
        return str(self.manifest.get("consistency", ""))

    @property
    def definition(self) -> dict[str, Any]:
        return dict(self.manifest.get("definition") or {})

    @property
    def disks(self) -> dict[str, int]:
        """The sizes of its disks in bytes, by their keys."""
        return {disk["key"]: disk["size_bytes"] for disk in self.manifest.get("disks", ())}

    @property
    def nics(self) -> list[dict[str, Any]]:
        """Its network cards, as its definition has them."""
        return list(self.definition.get("nics") or ())

    @property
    def firmware(self) -> dict[str, dict[str, Any]]:
        """Files of the firmware state by name: 'nvram', 'tpm/...'."""
        return {file["name"]: file for file in self.manifest.get("firmware", ())}


@dataclass(frozen=True)
class Replica:
    """What a store has of one machine. `start`: how its appliance would start it; `said`: what its vault knew
    of it; each is empty if that is not known."""

    folder: Path
    record: dict[str, Any]
    points: tuple[Point, ...]
    start: dict[str, Any]
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.record["machine_id"])

    @property
    def name(self) -> str:
        """As its vault calls it."""
        newest = next((point.manifest for point in reversed(self.points) if point.manifest), {})
        known = _said_name(self.start, self.said) or newest.get("machine_name") or self.id
        return one_line(str(known))

    @property
    def typed(self) -> str:
        """Its name as it is typed in a command."""
        return typed(self.name)

    @property
    def key_id(self) -> str | None:
        """The id of the key that it is encrypted with; None: it is plain."""
        return self.record.get("key_id")

    @property
    def run(self) -> dict[str, Any] | None:
        """The run of a machine that was started from one of its points and may be running; None if there is
        none."""
        return next((run for run in self.record["runs"] if run["name"] == RUN), None)

    @property
    def store(self) -> Path:
        """The store that it is in."""
        return self.folder.parent.parent

    def release_reserve(self) -> None:
        """Free the space that is reserved for starts, for a store that is full; the appliance reserves it
        again."""
        (self.store / RESERVE).unlink(missing_ok=True)

    @property
    def is_committed(self) -> bool:
        """Whether a failover was committed: then what its run wrote is the only copy of the machine."""
        return self.record.get("committed_point_id") is not None and self.record.get("head") is None

    @property
    def ended_at(self) -> str | None:
        """When its protection ended, and its files were left; None: it is protected, as far as is known."""
        found = _optional(self.folder / ENDED)
        return one_line(str(found.get("at"))) if found else None

    @property
    def run_folder(self) -> Path:
        return self.folder / "runs" / RUN

    def overlay(self, key: str) -> Path:
        return self.run_folder / f"{key}.qcow2"

    def layer(self, key: str, number: int) -> Path:
        return self.folder / "disks" / key / f"{number:06d}.qcow2"

    def head(self, key: str, number: int) -> Path:
        """The file that cycles are written to. It becomes a layer when it is sealed, and is no point's
        before."""
        return self.folder / "disks" / key / f"{number:06d}.head.qcow2"

    def point(self, point_id: str) -> Point:
        """The point with this id. Raises Problem."""
        for point in self.points:
            if point.id == point_id:
                return point
        raise Problem(
            f"{self.name} has no recovery point '{point_id}'.", f"List them: 'points {self.typed}'."
        )


class Misplaced(ValueError):
    """A folder that is named after one machine, and holds another's replica: what starts from it would be
    the other."""


class Store:
    """The folders that an appliance keeps replicas in. `roots`: the one that was given first, then those
    that its appliance has beside it and that are here. `away`: a sentence for each of those that is not
    used, though machines may be in it; `beside`: for those that a copy does not mean. A copy means itself:
    what its original has lies at the same paths on the original's host."""

    def __init__(self, given: Sequence[Path]) -> None:
        """Raises Problem for a folder that is none."""
        self.roots = [root.absolute() for root in given]
        for root in self.roots:
            _require_store(root)
        self.away: list[str] = []
        self.beside: list[str] = []
        first = self.roots[0]
        said = [Path(each) for each in _optional(first / CONFIGURATION).get("stores") or ()]
        others = [each for each in said if each not in self.roots]
        if copies.lies_elsewhere(first):
            self.beside = [
                f"{each} is not looked at{NAME_IT}" for each in others if not _is_original(each, first)
            ]
            return
        for each in others:
            why = _unusable(each, first)
            if why:
                self.away.append(f"{each} {why}")
            else:
                self.roots.append(each)

    def replicas(self) -> tuple[list[Replica], list[str]]:
        """All replicas that can be read, by name, and a sentence for each that cannot, and for each store
        that is not here."""
        found, problems = _all_read(self._folders())
        return sorted(found, key=lambda each: each.name), [*self.away, *problems]

    def find(self, asked: str) -> Replica:
        """The replica with this name, id or folder; raises Problem. Of other machines no point is read. A
        name means the machine that is protected, if another's protection has ended."""
        folders = self._folders()
        exact = [each for each in folders if asked in (each.name, str(each))]
        named = [each for each in folders if asked == name_of(each) and each not in exact]
        protected = [each for each in named if not _optional(each / ENDED)]
        return self._only(asked, [*exact, *protected] or named)

    def of(self, machine_id: str) -> Replica:
        """The replica of the machine with this id; raises Problem. Nothing of other machines is read."""
        at = [root / "replicas" / machine_id for root in self.roots] if NAME.fullmatch(machine_id) else []
        return self._only(machine_id, [folder for folder in at if folder.is_dir()])

    def also_in(self, replica: Replica) -> list[str]:
        """A sentence for each folder of another machine that holds this one's replica, too."""
        return [each for each in self._misplaced if f"({replica.id})" in each]

    def _folders(self) -> list[Path]:
        return sorted(
            folder
            for root in self.roots
            for folder in (root / "replicas").iterdir()
            if not folder.name.startswith(".") and folder.is_dir()  # or it is being removed
        )

    def _only(self, asked: str, folders: Sequence[Path]) -> Replica:
        """The one replica in these folders; raises Problem if none can be read, or several."""
        found, problems = _all_read(folders)
        if len(found) == 1:
            return found[0]
        if found and len({each.id for each in found}) == 1:
            raise Problem(
                f"{found[0].name} lies in {len(found)} stores, and one of them may be an old copy.",
                "Look at the points of each ('points FOLDER'), and give the folder of the one that is newer: "
                f"{' or '.join(str(each.folder) for each in found)}.",
            )
        if found:
            raise Problem(
                f"{len(found)} machines are named '{asked}'.",
                f"Give one of the ids {', '.join(each.id for each in found)}; 'list' shows them with their "
                "points.",
            )
        damaged = [problem for problem in problems if problem.startswith(f"{asked} ")]
        unfit = "" if damaged else "".join(f" {each}" for each in self._misplaced)
        raise Problem(
            damaged[0] if damaged else f"The store has no machine '{asked}'.{unfit}",
            "See which there are: 'list'.",
        )

    @functools.cached_property
    def _misplaced(self) -> list[str]:
        """A sentence for each folder that is named after another machine than the one that it holds. It is
        looked for once: a plan may have many machines that are not here."""
        _, problems = _all_read([each for each in self._folders() if _is_misplaced(each)])
        return [each for each in problems if MISPLACED in each]

    def configuration(self) -> dict[str, Any]:
        """What the vault last said of sites, plans and machines; empty if it never sent that. Raises Problem
        for a damaged file."""
        path = self.roots[0] / CONFIGURATION
        try:
            return files.trusted(path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Problem(
                f"What the vault said of this site cannot be read ({path}): {error}.",
                "Start machine by machine.",
            ) from None


def _require_store(root: Path) -> None:
    """Raises Problem if the folder is not a store."""
    why = _unreadable(root)
    if why is None:
        return
    if why:
        raise Problem(
            f"{root} cannot be read: {why}.", "Run this as root, or as the one who has that folder."
        )
    raise Problem(
        f"{root} is not the store of an appliance: it has no folder 'replicas'.",
        "Give the folder that has it with --store, such as /var/lib/secondsite/appliance/store.",
    )


def _unreadable(root: Path) -> str | None:
    """Why its replicas cannot be listed; empty if there is no folder for them, None if they can."""
    try:
        with os.scandir(root / "replicas"):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)


def _unusable(root: Path, first: Path) -> str:
    """Why a further store is not used; empty if it is. Another appliance's store may be at its path, which is
    the same at many sites."""
    why = _unreadable(root)
    if why is not None:
        return f"cannot be read ({why}){NAME_IT}" if why else f"is not here{NAME_IT}"
    owner = copies.mark_of(root).get("appliance_id")
    if owner is None or owner != copies.mark_of(first).get("appliance_id"):
        return (
            f"is not known as a store of the appliance whose store {first} is, as their {copies.MARK} say; "
            f"nothing of it is used{NAME_IT}"
        )
    return ""


def _is_original(root: Path, copy: Path) -> bool:
    return str(root) == copies.original_of(copy)


def _all_read(folders: Sequence[Path]) -> tuple[list[Replica], list[str]]:
    """The replicas in these folders, and a sentence for each that cannot be read."""
    found, problems = [], []
    for folder in folders:
        try:
            found.append(read(folder))
        except Misplaced as error:
            problems.append(str(error))
        except DAMAGED as error:
            problems.append(
                f"{folder.name} cannot be read: {error}. Its points' files may still boot: see "
                f"{folder / 'points'}."
            )
    return found, problems


def name_of(folder: Path) -> str | None:
    """What the machine of a folder is called, if that can be read; its points are read only if nothing else
    says it."""
    known = _said_name(_optional(folder / START), _optional(folder / RECORD))
    if known:
        return one_line(known)
    try:
        return read(folder).name
    except DAMAGED:
        return None


def _said_name(start: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    return str(start.get("machine") or said.get("name") or "")


def _is_misplaced(folder: Path) -> bool:
    return str(_optional(folder / "replica.json").get("machine_id", folder.name)) != folder.name


def _strange(folder: str | Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _strange(entry.path)
            elif not entry.is_file(follow_symlinks=False) and not stat.S_ISSOCK(
                entry.stat(follow_symlinks=False).st_mode
            ):
                yield entry.path


def read(folder: Path) -> Replica:
    """The replica in a folder. Raises OSError, ValueError, KeyError, TypeError or AttributeError if it is
    damaged, or contains links to foreign files: this program runs as root, and would write there."""
    for path in _strange(folder):
        raise ValueError(f"{path} is a symbolic link, a pipe or a device, and no file or folder of its own")
    record = files.trusted(folder / "replica.json")
    grades = _optional(folder / GRADES).get("points", {})
    points, said = tuple(_points(folder, record, grades)), _optional(folder / RECORD)
    _require_own(Replica(folder, record, points, {}))
    return Replica(folder, record, points, _optional(folder / START), said)


def _require_own(found: Replica) -> None:
    """Raises Misplaced if the folder is named after another machine."""
    folder = found.folder
    if found.id != folder.name:
        raise Misplaced(
            f"{folder.name} {MISPLACED} {found.name} ({one_line(found.id)}), and not its own: put its own "
            f"folder back at {folder}, or take this one out."
        )


def _points(folder: Path, record: dict[str, Any], grades: dict[str, Any]) -> Iterator[Point]:
    """The points of a replica, oldest first."""
    held = {str(point_id): str(reason) for point_id, reason in record.get("holds") or ()}
    for layer in record["layers"]:
        point_id = layer.get("point_id")
        if point_id is not None:
            manifest, problem = _manifest(folder / "points" / f"{point_id}.json", str(record["machine_id"]))
            said = grades.get(point_id) or {}
            bad = ", ".join(said.get("bad") or ())
            problem = problem or (f"its data is damaged ({bad})" if bad else "")
            grade, number = str(said.get("grade") or ""), int(layer["number"])
            yield Point(str(point_id), number, manifest, grade, problem, held.get(str(point_id), ""))


def _manifest(path: Path, machine_id: str) -> tuple[dict[str, Any], str]:
    try:
        found = files.trusted(path)
        _require_names(found)
        if (found.get("machine_id", machine_id), found.get("point_id", path.stem)) != (machine_id, path.stem):
            return {}, "its manifest is that of another machine, or of another point"
        return found, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {}, f"its manifest cannot be read: {error}"


def _require_names(manifest: dict[str, Any]) -> None:
    """Raises ValueError for unsafe names in a manifest: they become names of files, and came from another
    site."""
    for disk in manifest["disks"]:
        if not NAME.fullmatch(disk["key"]) or not isinstance(disk["size_bytes"], int):
            raise ValueError(f"it names a disk {disk['key']!r}")
    for file in manifest.get("firmware") or ():
        if not FIRMWARE.fullmatch(file["file"]):
            raise ValueError(f"it names a file {file['file']!r}")
    for nic in (manifest.get("definition") or {}).get("nics") or ():
        if not isinstance(nic["key"], str) or not isinstance(nic["mac"], str):
            raise ValueError(f"it has a card {nic['key']!r}")


def _optional(path: Path) -> dict[str, Any]:
    """The content of an optional file; empty if it is missing or damaged: a start is then less like the
    vault's, but still possible."""
    try:
        return files.trusted(path)
    except (OSError, ValueError):
        return {}
