"""Runs a machine as a process of plain QEMU, which goes on when this program ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import files
from ..problems import Problem
from . import command_line
from .command_line import UEFI, MachineToRun

START_SECONDS = 120
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.2
TEMPORARY = Path("/tmp")


def start(wanted: MachineToRun) -> None:
    """Start the machine; harmless if it runs. Raises Problem."""
    wanted.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if pid(wanted.folder) is not None:
        return
    wanted.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in (wanted.sockets / "qmp", wanted.sockets / "vnc", wanted.folder / "qemu.pid"):
        left.unlink(missing_ok=True)
    line = command_line.command(wanted)
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    except FileNotFoundError:
        raise Problem(
            f"There is no {line[0]} here.", "Install QEMU: 'apt install qemu-system-x86'."
        ) from None
    except subprocess.TimeoutExpired:
        raise Problem(
            f"QEMU did not start {wanted.name} within {START_SECONDS} s.",
            f"See {wanted.folder / 'console.log'}.",
        ) from None
    if done.returncode:
        raise Problem(
            f"QEMU did not start {wanted.name}: {done.stderr.strip()}.",
            "If it runs already, that is why: see 'list'.",
        )


def pid(folder: Path) -> int | None:
    """The process id of the machine's QEMU; None if it does not run."""
    try:
        found = int(files.content(folder / "qemu.pid"))
        line = Path(f"/proc/{found}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return found if str(folder / "qemu.pid").encode() in line else None


def sockets(machine_id: str) -> Path:
    """The folder of the machine's sockets, which only this user may enter. A user without a session has none
    in /run."""
    name = Path("secondsite-rescue") / hashlib.sha256(machine_id.encode()).hexdigest()[:16]
    run, own, user = Path("/run"), Path(f"/run/user/{os.getuid()}"), f"secondsite-rescue-{os.getuid()}"
    places = [place / name for place in (run, own) if os.access(place, os.W_OK | os.X_OK)]
    places.append(TEMPORARY / user / name.name)
    return next((place for place in places if (place / "qmp").exists()), places[0])


def prepare(machine_id: str) -> None:
    """Make that folder, before anything is noted of a start. Raises Problem for one that somebody else
    has."""
    folder = sockets(machine_id)
    own = folder.parent
    own.mkdir(exist_ok=True, mode=0o700)
    found = own.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise Problem(
            (
                f"{own}, where the sockets of {folder.name} would be, belongs to somebody else, or others "
                "may write to it."
            ),
            "Run this as root, or from a login of your own, which has a folder /run/user.",
        )
    folder.mkdir(exist_ok=True, mode=0o700)


def stop(folder: Path, sockets: Path, grace_seconds: float) -> str:
    """Asks the guest to shut down, and cuts its power after that; returns a sentence."""
    found = pid(folder)
    if found is None:
        return "it was off"
    with contextlib.suppress(OSError, ValueError):
        _ask(sockets / "qmp", "system_powerdown")
    if _gone(folder, grace_seconds):
        return "it shut down"
    os.kill(found, signal.SIGTERM)
    if not _gone(folder, ANSWER_SECONDS):
        os.kill(found, signal.SIGKILL)
        _gone(folder, ANSWER_SECONDS)
    return f"it did not shut down within {grace_seconds:.0f} s, so its power was cut"


def variables(folder: Path, kept: Path | None) -> Path:
    """The machine's own copy of its UEFI variables, made from the point's, or from empty ones."""
    path = folder / "VARS.fd"
    if not path.exists():
        empty = next((Path(empty) for _, empty in UEFI if Path(empty).exists()), None)
        if kept is None and empty is None:
            raise Problem(
                "The machine boots by UEFI, whose files are not here.", "Install them: 'apt install ovmf'."
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(".part")
        shutil.copyfile(kept or str(empty), part)
        part.replace(path)
    return path


def connected(networks: Mapping[str, str | None], machine_id: str) -> dict[str, str]:
    """An interface on the bridge for each card whose network is a bridge here. Raises Problem."""
    taps = {}
    for card, bridge in networks.items():
        if bridge is not None and Path(f"/sys/class/net/{bridge}/bridge").is_dir():
            tap = taps[card] = _tap(machine_id, card)
            if not _is_there(tap):
                _ip("tuntap", "add", "dev", tap, "mode", "tap")
            _ip("link", "set", tap, "master", bridge, "up")
    return taps


def disconnect(cards: Iterable[str], machine_id: str) -> None:
    """Remove the interfaces of these cards. Raises Problem."""
    for tap in (_tap(machine_id, card) for card in cards):
        if _is_there(tap):
            _ip("link", "delete", tap)


def _tap(machine_id: str, card: str) -> str:
    return f"ssr{hashlib.sha256(f'{machine_id}/{card}'.encode()).hexdigest()[:10]}"


def _is_there(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}").exists()


def _ip(*arguments: str) -> None:
    done = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
    )
    if done.returncode:
        raise Problem(
            f"'ip {' '.join(arguments)}' failed: {done.stderr.strip()}.",
            "Run this as root, or leave the cards unconnected: --no-networks.",
        )


def _gone(folder: Path, within_seconds: float) -> bool:
    ends_at = time.monotonic() + within_seconds
    while pid(folder) is not None:
        if time.monotonic() > ends_at:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _ask(path: Path, what: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(str(path))
        line.recv(65536)
        for execute in ("qmp_capabilities", what):
            line.sendall(json.dumps({"execute": execute}).encode() + b"\n")
            line.recv(65536)
