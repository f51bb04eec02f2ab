"""Firmware state that an earlier release left plain beside an encrypted replica's disks, sealed.

Every step leaves each manifest naming files that are there, and a repeated one finds less to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from . import manifest
from .firmware import FirmwareFile
from .firmware_store import FirmwareStore
from .manifest import Manifest, ManifestFirmware
from .replica_files import ReplicaFiles
from .replica_state import ReplicaState


def seal_firmware(
    store: FirmwareStore, files: ReplicaFiles, state: ReplicaState, reach: Callable[[str], None]
) -> tuple[FirmwareFile, ...] | None:
    """Seal files that lie plain, under the names that they then have; the records to keep, None when there is nothing
    to do. The plain ones are garbage then, as is what nobody names. Raises ImageProblem for a damaged manifest."""
    plain = store.plain()
    if not plain:
        return None
    points = [files.point(layer.point_id) for layer in state.layers if layer.point_id is not None]
    manifests = {path: manifest.load(path) for path in points}
    named = {Path(file.file).name for body in manifests.values() for file in body.firmware}
    named |= {file.sha256 for file in state.firmware}
    renamed = {name: store.seal(name) for name in plain & named}
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
            told = told.replace(file.file, manifest.UNSEALED).replace(
                ": ", f"{manifest.unsealing(place)}: ", 1
            )
    return dataclasses.replace(body, firmware=tuple(files), how_to_boot=told)
