"""What is to run, for plain QEMU and libvirt alike."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import leasing
from ..problems import Problem
from ..stand_ins import Standing
from ..store import Point, Replica

COMPARE_SECONDS = 30.0
NAMESPACE = uuid.UUID("9b2a5f0c-52f3-4a5e-9b1e-3c0f5b0a7d42")


@dataclass(frozen=True)
class Ways:
    """How machines are run. `uri`: of libvirt, None for plain QEMU; `networks`: by card, in place of what is
    known; `connect`: whether cards are connected at all; `compare_seconds`: how long its disks may be
    compared before it starts."""

    uri: str | None = None
    key_file: Path | None = None
    connect: bool = True
    networks: Mapping[str, str] = field(default_factory=dict)
    emulated: bool = False
    compare_seconds: float = COMPARE_SECONDS


@dataclass(frozen=True)
class Start:
    """A machine that is to run from a point. `disks`: the files that it runs on; `key`: what opens them, if
    they are encrypted; `standing`: what stands in for disks that were left out."""

    replica: Replica
    point: Point
    disks: Mapping[str, Path]
    key: Path | None
    ways: Ways
    standing: Standing

    @property
    def chains(self) -> dict[str, list[Path]]:
        """All files that the disks read from, top first."""
        return {name: _chain(path) for name, path in self.disks.items()}

    @property
    def encrypted(self) -> dict[str, list[Path]]:
        """The chains of encrypted disks: each of their files needs the key."""
        return self.chains if self.key else {}

    @property
    def networks(self) -> dict[str, str | None]:
        """As `networks_of`."""
        return networks_of(self.replica, self.point, self.ways)

    @property
    def variables(self) -> Path | None:
        """The point's UEFI variables, if they can be read."""
        kept = self.point.firmware.get("nvram")
        return (
            None
            if kept is None or self.replica.key_id is not None
            else self.replica.folder / str(kept["file"])
        )

    @property
    def without(self) -> list[str]:
        """What of its firmware state is missing at the start, in words."""
        said = []
        if "nvram" in self.point.firmware and self.variables is None:
            said.append("its UEFI variables are encrypted, so it has fresh ones")
        if any(name.startswith("tpm/") for name in self.point.firmware):
            said.append("its TPM is empty: what it kept there is in the point's folder 'firmware'")
        return said


def cards_of(replica: Replica, point: Point) -> list[dict[str, Any]]:
    """The machine's cards. One that comes home has those with which it left; its points have those of the
    other site."""
    return list(replica.start.get("nics") or point.nics)


def networks_of(replica: Replica, point: Point, ways: Ways) -> dict[str, str | None]:
    """The network of each card, by its key: the one that was asked for, else the one that its appliance would
    use. Raises Problem."""
    known = replica.start.get("networks") or {}
    cards = [str(nic["key"]) for nic in cards_of(replica, point)]
    unknown = ", ".join(sorted(ways.networks.keys() - set(cards)))
    if unknown:
        raise Problem(f"{replica.name} has no card {unknown}.", f"It has {', '.join(cards) or 'none'}.")
    return {card: (ways.networks.get(card) or known.get(card)) if ways.connect else None for card in cards}


def uuid_of(replica: Replica) -> str:
    """The machine's UUID: the same at every start, and the one that its appliance uses, if that is known."""
    return str(replica.start.get("fabric_id") or uuid.uuid5(NAMESPACE, replica.id))


def folder(replica: Replica) -> Path:
    """The folder of its console and UEFI variables, beside its overlays."""
    return replica.run_folder / "qemu"


def _chain(path: Path) -> list[Path]:
    told = json.loads(leasing.qemu_img("info", "--output=json", "--backing-chain", "-U", str(path)))
    return [Path(os.path.abspath(each["filename"])) for each in told]
