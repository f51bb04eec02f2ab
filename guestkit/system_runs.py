"""Starts of a whole system: what it says, and what an agent in it tells."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guestkit import programs
from guestkit.errors import BuildFailed

SAID = re.compile(r"SYSTEM (\S+) root=(\S+) kind=(\S+) disk=(\S+) drivers=(\S*)")
TOLD = re.compile(r"TOLD (\{.*\})")
READY = "READY"
START_SECONDS = 2400
FIRMWARE = "/usr/share/OVMF/OVMF_{}_4M.fd"
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Started:
    """What a system said of its start. `drivers`: of its disk, from the disk upwards."""

    kernel: str
    root: str
    kind: str
    disk: str
    drivers: tuple[str, ...]


def said(console: str) -> Started | None:
    """The last start that a console tells of; None before it is up."""
    found = SAID.findall(console)
    if not found or READY not in console[console.rindex("SYSTEM ") :]:
        return None
    kernel, root, kind, disk, drivers = found[-1]
    return Started(kernel, root, kind, disk, tuple(each for each in drivers.split(",") if each))


def tell(disk: Path, agent: Path, folder: Path, *, uefi: bool = False) -> Mapping[str, Any]:
    """What this agent tells in the system on this disk, on virtio; nothing is written to the disk. Raises
    BuildFailed."""
    program = folder / "agent.raw"
    content = agent.read_bytes()
    program.write_bytes(content + bytes(-len(content) % SECTOR))
    words = [
        "-drive", f"file={disk},if=none,id=system,format=raw,snapshot=on",
        "-device", "virtio-blk-pci,drive=system,bootindex=1",
        "-drive", f"file={program},if=none,id=agent,format=raw,readonly=on",
        "-device", "virtio-blk-pci,drive=agent,serial=agent",
        "-netdev", "user,id=net,restrict=on",
        "-device", "virtio-net-pci,netdev=net,mac=52:54:00:12:00:01,romfile=",
    ]  # fmt: skip
    console = run([*words, *(_uefi(folder) if uefi else ())], folder / "console", READY)
    found = TOLD.search(console)
    if found is None:
        raise BuildFailed(f"the agent told nothing: {console[-3000:]}")
    told: Mapping[str, Any] = json.loads(found.group(1))
    return told


def _uefi(folder: Path) -> Sequence[str]:
    variables = folder / "variables.fd"
    variables.write_bytes(Path(FIRMWARE.format("VARS")).read_bytes())
    files = (f"{FIRMWARE.format('CODE')},readonly=on", variables)
    return [
        "-machine",
        "q35",
        *(w for each in files for w in ("-drive", f"if=pflash,format=raw,file={each}")),
    ]


def run(words: Sequence[str], console: Path, until: str) -> str:
    """What a plain QEMU's console says up to that word, when it is ended; or until it ends by itself."""
    command: list[str | Path] = [
        programs.find("qemu-system-x86_64"), "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1",
        "-m", "1024", "-display", "none", "-serial", f"file:{console}", "-no-reboot", *words,
    ]  # fmt: skip
    console.write_bytes(b"")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            return _awaited(process, lambda: console.read_text(errors="replace"), until)
        finally:
            process.kill()


def _awaited(process: subprocess.Popen[bytes], read: Callable[[], str], until: str) -> str:
    for _ in range(START_SECONDS):
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            if until in read():
                return read()
            continue
        return read()
    raise BuildFailed(f"'{until}' was not said within {START_SECONDS} s: {read()[-3000:]}")
