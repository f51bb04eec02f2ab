"""The QEMU processes of an embedded root, found by their command lines, not by numbers in files.

A killed embedded driver leaves its status files behind. A file written before its QEMU had a number
(`pid='0'`) makes the next driver wait for a monitor that never appears, with the machine locked for minutes.
If the number now belongs to another program, as after a reboot of the host, the driver would end that
program. So status files of machines without a QEMU are removed before a driver opens the root, which then
takes those machines for off.

A driver's child takes a lock on the machine's pid file, becomes QEMU and keeps the lock. One whose driver is
killed just before that becomes QEMU later: it has the image and waits for ever, and no driver knows it. So it
is ended.

While it opens, a driver asks QEMU what it can do, unless it remembers that from the same processor: in
libvirt 9.0 the number of the processor is a part of what it compares. It waits for ever for a QEMU that
does not answer."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from ....domain import errors
from ....ground import lockfile, threads
from ....ground.processes import ending
from . import lost_jobs

DEATH_SECONDS = 5.0
TAKE_OVER_SECONDS = 3.0
LOOK_SECONDS = 1.0
THREADS_ROUNDS = 3
PROBE_SECONDS = 20.0
"""How long a probe of QEMU may take. Two are made, one after the other: together they stay below the deadline
for opening."""
PROCESSES = Path("/proc")


def forget_the_dead(root: Path) -> None:
    """Removes status files of machines whose QEMU does not run, and ends what libvirt lost of those that
    do. Call it before this process opens the root. Raises FabricError, and changes nothing, while another
    process uses the root."""
    states = root / "run" / "qemu"
    if not states.is_dir():
        return
    with _driven_by_nobody(root, states / "driver.pid"):
        for status in sorted(states.glob("*.xml")):
            _settle(root, status)


@contextlib.contextmanager
def asked_seldom(root: Path) -> Iterator[None]:
    """A context in which this thread opens a driver: it lets the driver use what it remembers of QEMU, and
    ends a QEMU that does not answer the driver's probe."""
    opened = threading.Event()
    threads.worker("libvirt probes", _end_hung_probes, root, opened).start()
    try:
        with _on_one_processor():
            yield
    finally:
        opened.set()


def kill(root: Path, fabric_id: str) -> None:
    """Kills the machine's QEMU, if it has one, and waits until it is gone. Raises DeadlineExceeded."""
    for pid in _pids(root, fabric_id):
        _end(pid, partial(_is_of, root, fabric_id, pid))


def _end(pid: int, is_wanted: Callable[[], bool]) -> None:
    if not ending.kill(pid, is_wanted, DEATH_SECONDS):
        raise errors.DeadlineExceeded(
            f"QEMU (process {pid}) was killed and did not end within {DEATH_SECONDS:.0f} s.",
            do="It waits for storage: see its state in /proc and the host's kernel log, then retry the job.",
        )


@contextlib.contextmanager
def _driven_by_nobody(root: Path, path: Path) -> Iterator[None]:
    """Takes the lock that a driver of this root takes, waiting a moment for one that was just killed.
    Closing the file ends our lock, and would end that of a driver in this process."""
    with path.open("a+") as lock:
        deadline = time.monotonic() + TAKE_OVER_SECONDS
        while not lockfile.take_record(lock):
            if time.monotonic() > deadline:
                raise errors.FabricError(
                    f"Another process drives the embedded root {root}.",
                    do=f"Run one appliance for each root. The other one's number is in {path}.",
                )
            time.sleep(0.05)
        yield


def _settle(root: Path, status: Path) -> None:
    """Bring one machine in order: it is off and has no status file, or it runs and no lost job holds it."""
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
    _end_unborn(status.with_suffix(".pid"), fabric_id)
    if not _runs(fabric_id, pid) and not any(_pids(root, fabric_id)):
        status.with_suffix(".pid").unlink(missing_ok=True)
        status.unlink(missing_ok=True)
    else:
        lost_jobs.end(status)


def _end_hung_probes(root: Path, opened: threading.Event) -> None:
    since: dict[int, float] = {}
    while not opened.wait(LOOK_SECONDS):
        now = time.monotonic()
        since = {pid: since.get(pid, now) for pid in _processes() if _is_probe(root, pid)}
        for pid in [pid for pid, seen in since.items() if now - seen > PROBE_SECONDS]:
            ending.kill(pid, partial(_is_probe, root, pid), DEATH_SECONDS)


@contextlib.contextmanager
def _on_one_processor() -> Iterator[None]:
    """Inside the context this thread is bound to one processor, always the same. Threads that begin meanwhile
    get all processors afterwards."""
    allowed = os.sched_getaffinity(0)
    one = {min(allowed)}
    _bind(0, one)
    try:
        yield
    finally:
        for _ in range(THREADS_ROUNDS):  # a bound one may just have begun another
            for tid in (tid for tid in _threads() if _processors(tid) == one):
                _bind(tid, allowed)


def _bind(tid: int, processors: set[int]) -> None:
    with contextlib.suppress(OSError):  # where a host forbids it, an opening takes longer
        os.sched_setaffinity(tid, processors)


def _threads() -> Sequence[int]:
    return [int(entry.name) for entry in (PROCESSES / "self" / "task").iterdir()]


def _processors(tid: int) -> set[int]:
    try:
        return os.sched_getaffinity(tid)
    except OSError:
        return set()


def _end_unborn(pid_file: Path, fabric_id: str) -> None:
    def is_unborn(pid: int) -> bool:
        return lockfile.record_holder(pid_file) == pid and not _runs(fabric_id, pid)

    while (pid := lockfile.record_holder(pid_file)) is not None and is_unborn(pid):
        _end(pid, partial(is_unborn, pid))


def _pids(root: Path, fabric_id: str) -> Iterator[int]:
    return (pid for pid in _processes() if _is_of(root, fabric_id, pid))


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdigit())


def _is_probe(root: Path, pid: int) -> bool:
    return any(word.startswith(f"unix:{root}/lib/qemu/qmp-") for word in command_line(pid))


def _is_of(root: Path, fabric_id: str, pid: int) -> bool:
    words = command_line(pid)
    return _names(fabric_id, words) and any(f"{root}/lib/qemu/domain-" in word for word in words)


def _runs(fabric_id: str, pid: int) -> bool:
    """Whether the process runs this machine, whatever path its root was opened by."""
    return _names(fabric_id, command_line(pid))


def _names(fabric_id: str, words: Sequence[str]) -> bool:
    return ("-uuid", fabric_id) in itertools.pairwise(words)


def command_line(pid: int) -> Sequence[str]:
    """The command line; empty for a process that has ended."""
    try:
        return (PROCESSES / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ()
