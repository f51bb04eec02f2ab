"""Encrypts firmware state that an earlier release left plain beside an encrypted replica's disks.

After every step each manifest names files that exist, so it can be interrupted and repeated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from ...cycles import FirmwareFile
from . import manifest, whose
from .firmware_store import FirmwareStore
from .manifest import Manifest, ManifestFirmware
from .paths import ReplicaFiles
from .record import ReplicaState


def encrypt_firmware(
    store: FirmwareStore, files: ReplicaFiles, state: ReplicaState, reach: Callable[[str], None]
) -> tuple[FirmwareFile, ...] | None:
    """Encrypt the plain files under new names; returns the records to keep, None if there is nothing to do.
    The plain files are garbage then. Raises ImageProblem for a damaged manifest."""
    plain = store.plain()
    if not plain:
        return None
    points = [layer.point_id for layer in state.layers if layer.point_id is not None]
    manifests = {files.point(each): whose.point(files, state, each) for each in points}
    named = {Path(file.file).name for body in manifests.values() for file in body.firmware}
    named |= {file.sha256 for file in state.firmware}
    renamed = {name: store.encrypt(name) for name in plain & named}
    reach("firmware.sealed")
    for path, body in manifests.items():
        if any(Path(file.file).name in renamed for file in body.firmware):
            manifest.save(_renamed(body, renamed), path)
            reach("firmware.named")
    return tuple(
        dataclasses.replace(file, sha256=renamed.get(file.sha256, file.sha256)) for file in state.firmware
    )


def _renamed(body: Manifest, renamed: Mapping[str, str]) -> Manifest:
    files, told = [], body.how_to_boot
    for file in body.firmware:
        name = renamed.get(Path(file.file).name)
        if name is None:
            files.append(file)
            continue
        place = str(Path(file.file).with_name(name))
        files.append(ManifestFirmware(file.name, file.size_bytes, place))
        if file.file in told:
            told = told.replace(file.file, manifest.DECRYPTED).replace(
                ": ", f"{manifest.decrypting(place)}: ", 1
            )
    return dataclasses.replace(body, firmware=tuple(files), how_to_boot=told)
