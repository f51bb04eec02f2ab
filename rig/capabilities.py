"""What libvirt learned of QEMU on this host, lent to each new embedded root: probing anew takes it seconds.

libvirt itself drops what no longer fits (another QEMU, another kernel, another release of its own).
"""

import os
import shutil
from pathlib import Path

KEPT = Path(__file__).resolve().parents[1] / ".cache" / "libvirt-capabilities"


def lend(root: Path) -> None:
    """Give the embedded root what an earlier one found."""
    if KEPT.is_dir():
        shutil.copytree(KEPT, _folder(root), dirs_exist_ok=True)


def keep(root: Path) -> None:
    """Keep what this root found, unless something is kept already."""
    if _folder(root).is_dir() and not KEPT.exists():
        making = KEPT.with_suffix(f".{os.getpid()}")
        shutil.copytree(_folder(root), making)
        try:
            making.rename(KEPT)
        except OSError:  # another run was faster
            shutil.rmtree(making)


def _folder(root: Path) -> Path:
    return root / "cache" / "qemu" / "capabilities"
