"""The QEMU processes of an embedded root, known by their command lines and not by numbers in files.

An embedded driver that is killed leaves its status files behind. One written before its QEMU had a number (`pid='0'`)
makes the next driver wait for a monitor that never comes, with the machine locked for minutes. One whose number now
belongs to another program, as after a reboot of the host, would make the driver end that program. So the status of
machines without a QEMU is forgotten before a driver opens the root: to it, those machines are simply off.
"""

import contextlib
import fcntl
import itertools
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from ...domain import errors

DEATH_SECONDS = 5.0
TAKE_OVER_SECONDS = 3.0
PROCESSES = Path("/proc")


def forget_the_dead(root: Path) -> None:
    """Removes what a killed driver left of machines whose QEMU does not run. The process must not have opened the root
    yet. Raises FabricError while another process drives the root: then nothing is touched."""
    states = root / "run" / "qemu"
    if not states.is_dir():
        return
    with _driven_by_nobody(root, states / "driver.pid"):
        for status in sorted(states.glob("*.xml")):
            _forget_if_dead(root, status)


def kill(root: Path, fabric_id: str) -> bool:
    """Ends the machine's QEMU at once and waits until it is gone; False when it has none. Raises DeadlineExceeded."""
    killed = False
    for pid in _pids(root, fabric_id):
        with contextlib.suppress(ProcessLookupError), _held(pid) as process:
            if _is_of(root, fabric_id, pid):
                _end(process, pid)
                killed = True
    return killed


@contextlib.contextmanager
def _driven_by_nobody(root: Path, path: Path) -> Iterator[None]:
    """Holds the lock that a driver of this root takes; one that was just killed gets a moment to let go. Ours ends with
    the file, as would that of a driver in this process."""
    with path.open("a+") as lock:
        deadline = time.monotonic() + TAKE_OVER_SECONDS
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise errors.FabricError(
                    f"Another process drives the embedded root {root}.",
                    do=f"Run one appliance for each root. The other one's number is in {path}.",
                )
            time.sleep(0.05)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
    except OSError:
        return False
    return True


def _forget_if_dead(root: Path, status: Path) -> None:
    try:
        told = ElementTree.parse(status).getroot()
    except ElementTree.ParseError:
        return
    fabric_id, number = told.findtext("domain/uuid"), told.get("pid", "")
    if not fabric_id or not number.isdigit():
        return
    pid = int(number)
    if pid == 0:
        kill(root, fabric_id)  # its guest never ran
    if not _runs(fabric_id, pid) and not any(_pids(root, fabric_id)):
        status.with_suffix(".pid").unlink(missing_ok=True)
        status.unlink(missing_ok=True)


def _pids(root: Path, fabric_id: str) -> Iterator[int]:
    for entry in PROCESSES.iterdir():
        if entry.name.isdigit() and _is_of(root, fabric_id, int(entry.name)):
            yield int(entry.name)


def _is_of(root: Path, fabric_id: str, pid: int) -> bool:
    words = _words(pid)
    return _names(fabric_id, words) and any(f"{root}/lib/qemu/domain-" in word for word in words)


def _runs(fabric_id: str, pid: int) -> bool:
    """Whether the process runs this machine, under whatever name its root was opened."""
    return _names(fabric_id, _words(pid))


def _names(fabric_id: str, words: Sequence[str]) -> bool:
    return ("-uuid", fabric_id) in itertools.pairwise(words)


def _words(pid: int) -> Sequence[str]:
    """The command line; none of a process that has ended."""
    try:
        return (PROCESSES / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ()


@contextlib.contextmanager
def _held(pid: int) -> Iterator[int]:
    """A handle on the process, which its number's next owner cannot take over."""
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)


def _end(process: int, pid: int) -> None:
    signal.pidfd_send_signal(process, signal.SIGKILL)
    gone, _, _ = select.select([process], [], [], DEATH_SECONDS)
    if not gone:
        raise errors.DeadlineExceeded(
            f"QEMU (process {pid}) was killed and did not end within {DEATH_SECONDS:.0f} s.",
            do="It waits for storage: see its state in /proc and the host's kernel log, then retry the job.",
        )
