"""Records the state in which we left the disk files of a machine that is off.

The bitmaps of a checkpoint have one name on all disks of a machine. So a disk that was overwritten by a copy
of another one has a bitmap that looks whole, and the file is the same; a file below a disk can be changed in
place (P17). As long as the machine is off nobody but us writes to its files: a disk with a changed file is
compared. If the machine ran in between, its guest may have changed them, and the bitmaps tell what. Whether
it was started is in the log that libvirt keeps of it."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....datapath.disks import same_files
from ....ground import durable, real_files
from ....ground.units import KiB
from ... import file_looks
from ..host import connection, domain_xml
from .image_identity import Identities
from .kept_changes import KeptChanges

SYSTEM_LOGS = Path("/var/log/libvirt/qemu")
LOG_BYTES = 256 * KiB
STARTS, FAILED = b": starting up libvirt ", b": shutting down, reason=failed"


class LeftFiles:
    """The recorded states: one small file per machine in `folder`, while it is off. Disks whose files have
    changed are distrusted in `identities`."""

    def __init__(
        self, folder: Path, hypervisor: connection.Hypervisor, identities: Identities, kept: KeptChanges
    ) -> None:
        self._folder = folder
        self._logs = _logs(hypervisor)
        self._identities, self._kept = identities, kept

    @contextlib.contextmanager
    def writing(self, domain: Any, disks: Sequence[domain_xml.Disk]) -> Iterator[None]:
        """A context around our own writes to the files of a machine that is off. If this process dies inside,
        the bitmaps are trusted."""
        # We write to none that keeps no bitmaps; what changes from here on is somebody else's.
        others = _looks(disk for disk in disks if not disk.keeps_bitmaps)
        self.look(domain, disks)
        self.forget(domain.UUIDString())
        try:
            yield
        finally:
            self._note(domain, _looks(disk for disk in disks if disk.keeps_bitmaps) | others)

    def look(self, domain: Any, disks: Sequence[domain_xml.Disk]) -> None:
        """Distrust the bitmaps of each disk whose files somebody changed since we left them. Of one that
        keeps no bitmaps nothing else tells that nobody did, so it is distrusted where that is not known, or a
        keeper has what its guest wrote."""
        known = self._known(domain) or self._claimed(domain, disks)
        if changed := [disk.key for disk in disks if _is_changed(disk, known)]:
            self._identities.distrust(domain, changed)

    def _claimed(self, domain: Any, disks: Sequence[domain_xml.Disk]) -> Mapping[str, file_looks.Looks]:
        """The present state, which is recorded, of the disks whose changes until the machine was off were
        kept."""
        start = self.last_start(domain)
        looks = _looks(disk for disk in disks if not disk.keeps_bitmaps)  # before it is asked who wrote last
        found = {disk.key: kept for disk in disks if (kept := self._kept.claim(domain, disk, start))}
        for key, kept in found.items():
            self._identities.rest_on(domain, key, kept)
        known = {key: looks[key] for key in found}
        if known:
            self._note(domain, known)
        return known

    def forget(self, fabric_id: str) -> None:
        """Forget the state: the machine runs, or is not ours any more."""
        self._path(fabric_id).unlink(missing_ok=True)

    def _note(self, domain: Any, looks: Mapping[str, file_looks.Looks]) -> None:
        said = json.dumps({"start": self.last_start(domain), "disks": looks})
        durable.write(self._path(domain.UUIDString()), said)

    def _known(self, domain: Any) -> Mapping[str, file_looks.Looks | None]:
        """The recorded state by disk key. Empty if the machine was started since; None for each disk if its
        log does not tell whether it was."""
        try:
            noted = json.loads(self._path(domain.UUIDString()).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        known: Mapping[str, file_looks.Looks] = noted["disks"]
        now = self.last_start(domain)
        if now == noted["start"]:
            return known
        return {} if _is_later(now, noted["start"]) else dict.fromkeys(known)

    def last_start(self, domain: Any) -> list[object] | None:
        """What the machine's log says about its last start, or the state of the log if that is too far up.
        None without a log: a machine that ran for a moment is then compared. A failed start does not
        count."""
        try:
            with real_files.opened(self._logs / f"{domain.name()}.log") as log:
                seen = os.fstat(log.fileno())
                log.seek(max(0, seen.st_size - LOG_BYTES))
                starts = list(_starts(log.read(LOG_BYTES).splitlines()))
        except OSError:
            return None
        return [starts[-1].decode(errors="replace")] if starts else [seen.st_size, seen.st_mtime_ns]

    def _path(self, fabric_id: str) -> Path:
        return self._folder / f"{fabric_id}.json"


def _logs(hypervisor: connection.Hypervisor) -> Path:
    root = hypervisor.embedded_root
    return SYSTEM_LOGS if root is None else root / "log" / "qemu"


def _looks(disks: Iterable[domain_xml.Disk]) -> dict[str, file_looks.Looks]:
    """The present state of all files of these disks, by disk key."""
    return {disk.key: _look(disk) for disk in disks}


def _look(disk: domain_xml.Disk) -> file_looks.Looks:
    if disk.network is not None:
        return [[disk.path]]  # nothing tells more
    return file_looks.seen(same_files.files(Path(disk.path).absolute(), disk.read_as))


def _is_changed(disk: domain_xml.Disk, known: Mapping[str, file_looks.Looks | None]) -> bool:
    if disk.key not in known:
        return not disk.keeps_bitmaps
    looks = known[disk.key]
    if looks != _again(disk, looks):
        return True
    return not (disk.keeps_bitmaps or disk.network is not None or file_looks.show_writes(looks or []))


def _again(disk: domain_xml.Disk, known: file_looks.Looks | None) -> file_looks.Looks | None:
    """The disk's present state; one that differs from everything noted if that is not valid any more."""
    if known is None:
        return []
    return _look(disk) if disk.network is not None else file_looks.again(Path(disk.path), known)


def _is_later(now: list[object] | None, noted: list[object] | None) -> bool:
    """Whether the log shows another start since; an entry begins with its time. A log that was truncated,
    removed or restored shows nothing: people rotate logs, and rename machines."""
    if now is None or len(now) > 1:
        return False
    return noted is None or len(noted) > 1 or str(now[0]) > str(noted[0])


def _starts(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Those starts in a log after which the machine ran."""
    last = None
    for line in lines:
        if STARTS in line:
            if last is not None:
                yield last
            last = line
        elif FAILED in line:
            last = None
    if last is not None:
        yield last
