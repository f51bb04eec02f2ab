"""Logical volumes as disks of machines, thick or thin, in a volume group of this host, which has no udev."""

import subprocess
import uuid
from pathlib import Path

WITHOUT_UDEV = ("--config", "activation { udev_sync = 0 udev_rules = 0 }", "--yes", "--quiet")
EXTENT = "4k"
"""So that a volume can have any size that a disk has."""
POOL, POOL_BYTES = "pool", 1 << 30


class LogicalVolumes:
    """Devices as `rig.loop_devices` gives them."""

    def __init__(self, group: str, *, thin: bool) -> None:
        self._group = group
        self._thin = thin

    @classmethod
    def over(cls, device: Path, *, thin: bool) -> "LogicalVolumes":
        """In a new volume group over a device."""
        made = cls(f"vg-{uuid.uuid4().hex[:6]}", thin=thin)
        _lvm("vgcreate", "--physicalextentsize", EXTENT, made._group, str(device))
        if thin:
            _lvm("lvcreate", "--type", "thin-pool", "--size", f"{POOL_BYTES}b", "--name", POOL, made._group)
        return made

    def remove(self) -> None:
        """The group with all its volumes."""
        _lvm("vgremove", "--force", self._group)

    def begin(self, file: Path) -> Path:
        """A volume with the content of a raw file."""
        name, size = f"disk-{uuid.uuid4().hex[:8]}", f"{file.stat().st_size}b"
        how = ("--virtualsize", size, "--thinpool", POOL) if self._thin else ("--size", size)
        _lvm("lvcreate", *how, "--wipesignatures", "n", "--name", name, self._group)
        device = Path("/dev") / self._group / name
        sparse = ",sparse" if self._thin else ""  # what a thick one held before is there still
        _done("dd", f"if={file}", f"of={device}", "bs=1M", f"conv=fsync,notrunc{sparse}", "status=none")
        return device

    def grow(self, device: Path, _file: Path, size_bytes: int) -> None:
        """As its owner does."""
        _lvm("lvextend", "--size", f"{size_bytes}b", f"{self._group}/{device.name}")

    def end(self, device: Path) -> None:
        """Take the volume away."""
        _lvm("lvremove", f"{self._group}/{device.name}")


def _lvm(command: str, *words: str) -> None:
    _done(command, *WITHOUT_UDEV, *words)


def _done(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
