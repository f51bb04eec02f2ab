"""How a replica keeps firmware state: each content once, in a file named by its digest.

In a plain replica that is the sha256 of the content, unpacked, so that a person can hand the file to a plain QEMU. In
an encrypted one the file is sealed, and its name is a keyed digest: a sha256 would tell everybody which release's
fresh variables a machine has, and when it changes them back. A file is durable before anything names it, and goes
when neither the newest cycle nor a recovery point names it any more.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from . import errors, firmware, sealed_file
from .firmware import FirmwareFile
from .replica_files import sync_folder
from .sealing_key import SealingKey


class FirmwareStore:
    """The folder of one replica. `key` gives what its files are sealed with, None in a plain replica, or raises
    KeyMissing or KeyWrong; so do all methods that need it."""

    def __init__(self, folder: Path, key: Callable[[], SealingKey | None]) -> None:
        self._folder = folder
        self._key = key

    def keep(self, files: Sequence[FirmwareFile]) -> tuple[FirmwareFile, ...]:
        """Make what the files carry durable; gives them as a replica records them. Raises CycleDamaged for content
        that is not what its digest says, CycleOutOfOrder for a file that neither is carried nor lies there."""
        for file in files:
            if file.packed is not None and not self.is_whole(self._stored(file.sha256)):
                self._write(self._stored(file.sha256), firmware.unpacked(file))
        lacking = [file.name for file in files if self.lacks(file)]
        if lacking:
            raise errors.CycleOutOfOrder(
                f"The cycle does not carry {', '.join(lacking)}, and the replica does not hold it.",
                do="Resynchronize the machine: its firmware state is sent again.",
            )
        return tuple(dataclasses.replace(file.record, sha256=self._stored(file.sha256)) for file in files)

    def lacks(self, file: FirmwareFile) -> bool:
        """Whether a file, as a cycle names it, must be sent: it does not lie there as it should."""
        sealed = self._key() is not None
        wanted = sealed_file.sealed_bytes(file.size_bytes) if sealed else file.size_bytes
        try:
            return (self._folder / self._stored(file.sha256)).stat().st_size != wanted
        except FileNotFoundError:
            return True

    def read(self, stored: str) -> bytes | None:
        """What was kept under a name; None when it is no longer that."""
        try:
            data = sealed_file.read(self._folder / stored, self._key(), firmware.MOST_BYTES)
        except (OSError, errors.CycleDamaged):
            return None
        return data if self._stored(hashlib.sha256(data).hexdigest()) == stored else None

    def is_whole(self, stored: str) -> bool:
        """Whether a file still is what its name says."""
        return self.read(stored) is not None

    def stored(self) -> set[str]:
        """The names of all files."""
        return set(os.listdir(self._folder)) if self._folder.is_dir() else set()

    def remove(self, stored: Collection[str]) -> None:
        for name in stored:
            (self._folder / name).unlink(missing_ok=True)

    def plain(self) -> set[str]:
        """The names of files that are not sealed."""
        return {name for name in self.stored() if sealed_file.key_id_of(self._folder / name) is None}

    def seal(self, plain: str) -> str:
        """A sealed copy of a plain file, under the name that it has then."""
        stored = self._stored(plain)
        if not self.is_whole(stored):
            self._write(stored, (self._folder / plain).read_bytes())
        return stored

    # -- a run that was rolled forward ---------------------------------------------------------------------

    def lay(self, folder: Path, cycles: Sequence[Sequence[FirmwareFile] | None]) -> None:
        """Lay the state at the end of these cycles into a new folder, by its names: what they carry, else what is
        kept. Nothing if no cycle knows of any. Raises CycleOutOfOrder for what neither has, whole."""
        last = next((files for files in reversed(cycles) if files is not None), None)
        if last is None:
            return
        carried = {file.sha256: file for files in cycles for file in files or () if file.packed is not None}
        folder.mkdir()
        for file in last:
            path = folder / file.name
            path.parent.mkdir(exist_ok=True)
            sealed_file.write(path, self._content(file, carried.get(file.sha256)), self._key())
        sync_folder(folder)

    def laid(self, folder: Path) -> dict[str, bytes | None]:
        """What `lay` left, by name; None for a file that cannot be read."""
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(folder)): self._laid(path) for path in found}

    def _laid(self, path: Path) -> bytes | None:
        try:
            return sealed_file.read(path, self._key(), firmware.MOST_BYTES)
        except (OSError, errors.CycleDamaged):
            return None

    def _content(self, file: FirmwareFile, carried: FirmwareFile | None) -> bytes:
        if carried is not None:
            return firmware.unpacked(carried)
        kept = self.read(self._stored(file.sha256))
        if kept is None:
            raise errors.CycleOutOfOrder(
                f"The firmware state {file.name} of that instant is no longer here.",
                do="Recover another instant.",
            )
        return kept

    def _stored(self, sha256: str) -> str:
        key = self._key()
        return sha256 if key is None else key.digest(sha256)

    def _write(self, stored: str, data: bytes) -> None:
        if not self._folder.is_dir():  # a replica that an earlier release made
            self._folder.mkdir()
            sync_folder(self._folder.parent)
        sealed_file.write(self._folder / stored, data, self._key())
