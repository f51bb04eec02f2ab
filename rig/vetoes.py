"""What appliances beside a libvirtd tell its hook: it lies where every host has it, outside of the rig's
folder."""

from pathlib import Path

FOLDER = Path("/var/lib/secondsite/start-veto")


def remove(folder: Path) -> None:
    """Those that name disks in this folder, which is gone."""
    for path in FOLDER.glob("*"):
        if path.is_file() and path.read_text(errors="replace").startswith(f"{folder}/"):
            path.unlink(missing_ok=True)
