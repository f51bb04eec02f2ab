"""Firmware state of simulated machines: a folder of files for each, which its owner may write at any time."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from .. import firmware_files
from .host.faults import Faults
from .host.host import Host


class SimulatedFirmware:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def read(self, fabric_id: str) -> Mapping[str, bytes]:
        with self._faults.around("firmware.read", fabric_id):
            name = self._host.records.need(fabric_id).definition.name
            return firmware_files.read(firmware_files.under(folder(self._host.root, fabric_id)), name)


def folder(root: Path, fabric_id: str) -> Path:
    """The folder in which a machine's firmware keeps its state."""
    return root / "firmware" / fabric_id


def kept(root: Path, fabric_id: str) -> Path:
    """The folder with the saved state of a machine that was withdrawn."""
    return root / "firmware" / f"withdrawn-{fabric_id}"


def bring(root: Path, fabric_id: str, files: Mapping[str, bytes]) -> None:
    """Give a new machine these files; those of an earlier one are removed."""
    firmware_files.write(folder(root, fabric_id), files)


def put_aside(root: Path, fabric_id: str) -> None:
    """Keep the state of a machine that is withdrawn, for a restore."""
    firmware_files.write(kept(root, fabric_id), firmware_files.content(folder(root, fabric_id)))


def bring_back(root: Path, fabric_id: str) -> None:
    """Bring back the state of a machine that is being restored."""
    if kept(root, fabric_id).exists():
        bring(root, fabric_id, firmware_files.content(kept(root, fabric_id)))


def remove(root: Path, fabric_id: str) -> None:
    shutil.rmtree(folder(root, fabric_id), ignore_errors=True)


def forget_aside(root: Path, fabric_id: str) -> None:
    shutil.rmtree(kept(root, fabric_id), ignore_errors=True)
