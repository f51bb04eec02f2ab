"""Stores a replica's firmware state: each content once, in a file named by its digest.

In a plain replica that is the sha256 of the content, unpacked, so that a person can hand the file to a
plain QEMU. In an encrypted one the file is encrypted, and its name is a keyed digest: a sha256 would
reveal which release's default variables a machine has, and when it restores them. A file is durable before
anything names it, and is removed once neither the newest cycle nor a recovery point names it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ....ground import real_files
from ....ground.durable import sync_folder
from ... import errors
from ...cycles import FirmwareFile, firmware
from ...encryption import DataKey, encrypted_file


class FirmwareStore:
    """The folder of one replica. `key` gives the key of its files, None in a plain replica; it raises
    KeyMissing or KeyWrong, and so do all methods that need it."""

    def __init__(self, folder: Path, key: Callable[[], DataKey | None]) -> None:
        self._folder = folder
        self._key = key

    def keep(self, files: Sequence[FirmwareFile]) -> tuple[FirmwareFile, ...]:
        """Store the content that the files carry, durably; returns them as a replica records them. Raises
        CycleDamaged if content does not match its digest, CycleOutOfOrder for a file that is neither carried
        nor stored."""
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
        """Whether a file, as a cycle names it, must be sent because it is not stored whole."""
        encrypted = self._key() is not None
        wanted = encrypted_file.encrypted_bytes(file.size_bytes) if encrypted else file.size_bytes
        try:
            return (self._folder / self._stored(file.sha256)).stat().st_size != wanted
        except FileNotFoundError:
            return True

    def read(self, stored: str) -> bytes | None:
        """The content stored under a name; None if it is damaged or missing."""
        try:
            data = encrypted_file.read(self._folder / stored, self._key(), firmware.MOST_BYTES)
        except (OSError, errors.CycleDamaged):
            return None
        return data if self._stored(hashlib.sha256(data).hexdigest()) == stored else None

    def is_whole(self, stored: str) -> bool:
        """Whether a file still matches its name."""
        return self.read(stored) is not None

    def stored(self) -> set[str]:
        """The names of all files."""
        return set(os.listdir(self._folder)) if self._folder.is_dir() else set()

    def remove(self, stored: Collection[str]) -> None:
        for name in stored:
            (self._folder / name).unlink(missing_ok=True)

    def plain(self) -> set[str]:
        """The names of files that are not encrypted."""
        return {name for name in self.stored() if encrypted_file.key_id_of(self._folder / name) is None}

    def encrypt(self, plain: str) -> str:
        """Make an encrypted copy of a plain file; returns its name."""
        stored = self._stored(plain)
        if not self.is_whole(stored):
            self._write(stored, real_files.content(self._folder / plain))
        return stored

    # -- a run that was rolled forward ---------------------------------------------------------------------

    def lay(self, folder: Path, cycles: Sequence[Sequence[FirmwareFile] | None]) -> None:
        """Write the firmware state after these cycles into a new folder, by file name: from the cycles, else
        from the store. Does nothing if no cycle names any. Raises CycleOutOfOrder if a file is in neither."""
        last = next((files for files in reversed(cycles) if files is not None), None)
        if last is None:
            return
        carried = {file.sha256: file for files in cycles for file in files or () if file.packed is not None}
        folder.mkdir()
        for file in last:
            path = folder / file.name
            path.parent.mkdir(exist_ok=True)
            encrypted_file.write(path, self._content(file, carried.get(file.sha256)), self._key())
        sync_folder(folder)

    def laid(self, folder: Path) -> dict[str, bytes | None]:
        """The files that `lay` wrote, by name; None for a file that cannot be read."""
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(folder)): self._laid(path) for path in found}

    def _laid(self, path: Path) -> bytes | None:
        try:
            return encrypted_file.read(path, self._key(), firmware.MOST_BYTES)
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
        if not self._folder.is_dir():  # for a replica of an earlier release
            self._folder.mkdir()
            sync_folder(self._folder.parent)
        encrypted_file.write(self._folder / stored, data, self._key())
