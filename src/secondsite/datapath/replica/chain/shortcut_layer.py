"""Makes one file with the content of several layers, for programs that open a chain by the headers of its
files.

libvirt 10.8 to 11.10 starts no machine with more than 25 files in a disk's chain, 22 where files are
encrypted or have bitmaps; others end at
200. Each file also makes a machine's reads slower: warm reads at random fall from 68,000 a second with 2
files to 7,600 with 100 (ADR 143)."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...digests import scan
from ...disks import NbdDisk, StorageDaemon, image, luks_blank
from ...encryption import EncryptionKey
from ..record.record import DiskRecord
from . import chain as layers
from . import copy_layer
from .chain import ChainFile

MOST_FILES: Final = 20
"""The most files of a chain that a machine starts on, counting its base and its overlay."""
LEAST_BELOW: Final = 2
"""The fewest files below a merged layer: a base and the bottom layer, into which a committed run is
merged."""


def files_of(disk: DiskRecord, chain: Sequence[ChainFile]) -> int:
    """How many files are opened for a chain, counting the old disk files on which the disk of a machine
    stands that came home."""
    return len(chain) - 1 + max(1, len(disk.base_files))


def divided(disk: DiskRecord, chain: Sequence[ChainFile], merging: int | None) -> int | None:
    """How many files of a chain stay below a merged one so that a machine can start on it with an overlay;
    None if none need be merged. A layer that is about to be merged with its child is not counted."""
    below_base = files_of(disk, chain) - len(chain)
    if len(chain) + below_base + 1 <= MOST_FILES:
        return None
    stay = max(LEAST_BELOW, MOST_FILES - 2 - below_base)
    return stay if chain[stay - 1].name != str(merging) else stay + 1


def make(
    daemon: StorageDaemon, path: Path, below: Sequence[ChainFile], merged: Sequence[ChainFile],
    key: EncryptionKey | None,
    blanks: Path, cancelled: scan.Asked,
) -> None:  # fmt: skip
    """Make `path` a file with the content of the layers `merged`, over the last of `below`; it appears only
    when it is durable. Raises StoreFull, ImageProblem, DiskUnreadable, QmpRefused, Cancelled."""
    part, prefix = path.with_name(f"{path.name}.part"), f"s{secrets.token_hex(5)}"
    part.unlink(missing_ok=True)
    daemon.start()
    try:
        with daemon.the_same():
            source = layers.open_chain(daemon, f"{prefix}-h-", merged, writable=False, on_nothing=True)
            daemon.export(source, f"{prefix}-h", depth=True)
            with NbdDisk(daemon.nbd_socket, f"{prefix}-h", own=True) as held:
                create(part, below[-1].path, held.size_bytes, key, blanks)
                chain = [*below, ChainFile("m", part, key=key)]
                target = layers.open_chain(daemon, f"{prefix}-l-", chain, writable=True)
                daemon.export(target, f"{prefix}-l", writable=True)
                with NbdDisk(daemon.nbd_socket, f"{prefix}-l") as written:
                    copy_layer.copy(held, written, cancelled)
    finally:
        with contextlib.suppress(errors.DatapathError):
            layers.close_chains(daemon, prefix)
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)


def create(path: Path, below: Path, size_bytes: int, key: EncryptionKey | None, blanks: Path) -> None:
    """Create a durable qcow2 file over a layer, encrypted if that is."""
    if key is None:
        image.create_overlay(path, below, "qcow2", size_bytes)
    else:
        luks_blank.create_overlay(path, below, size_bytes, key, blanks)
    sync_file(path)
