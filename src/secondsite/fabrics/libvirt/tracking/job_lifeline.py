"""A child process that ends backup jobs whose owner died or hangs.

While a job is open, what the guest overwrites takes scratch space, and a full scratch file system fails the
guest's writes. So no job begins before the child knows of it. One child serves all views of this process.
When its input ends, or a view is open longer than it may be, it ends the jobs by itself: on the QEMU sockets
that a dead embedded driver has released, or through virsh.

This file is also that child's program; there it runs by itself with the standard library only.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

START_SECONDS = 10.0
RESCUE_SECONDS = 600.0
ANSWER_SECONDS = 2.0
PAUSE_SECONDS = 0.1
VIRSH_SECONDS = 60.0
NO_JOB = "None"
"""virsh's own word, untranslated, for a machine without a job. Messages of the daemon are in the host's
language."""

Rescue = Sequence[str]
"""How a view is ended. A backup job: ('monitor', socket), or ('virsh', uri, machine, folder of our sockets).
A filter: ('program', command, ...), which ends with 0 when nothing is left of it."""


_left_at_work: list["subprocess.Popen[bytes]"] = []
"""Children that still work after their owner was closed."""


class JobLifeline:
    """The child process. Thread-safe. It starts with the first view, and again if it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[subprocess.Popen[bytes]] = []
        """At most one process: the child that watches."""
        self._open: dict[str, tuple[float, Rescue]] = {}
        # A fabric that is dropped without being closed must not leave a child either.
        weakref.finalize(self, _end, self._children)

    def watch(self, fabric_id: str, rescue: Rescue, longest_seconds: float) -> None:
        """When this returns, the child ends the machine's job if this process dies, or after
        `longest_seconds`. Raises OSError or TimeoutError if there is no child."""
        with self._lock:
            self._open[fabric_id] = (time.monotonic() + longest_seconds, rescue)
            try:
                self._tell([fabric_id])
            except (OSError, TimeoutError):
                self._kill()
                self._tell(list(self._open))

    def done(self, fabric_id: str) -> None:
        """Tell the child that the machine's job has ended."""
        with self._lock, contextlib.suppress(OSError):
            if self._open.pop(fabric_id, None) is not None:
                for child in self._children:
                    _write(child, ["done", fabric_id])

    def close(self) -> None:
        """End the child. While a job is open the child stays, to end that job."""
        with self._lock:
            _end(self._children)

    def _tell(self, fabric_ids: Sequence[str]) -> None:
        if not self._children or self._children[0].poll() is not None:
            self._kill()
            self._children.append(_started())
            fabric_ids = list(self._open)
        child = self._children[0]
        for fabric_id in fabric_ids:
            ends_at, rescue = self._open[fabric_id]
            _write(child, ["open", fabric_id, ends_at - time.monotonic(), list(rescue)])
            _hear(child, fabric_id)

    def _kill(self) -> None:
        while self._children:
            child = self._children.pop()
            child.kill()
            child.communicate()


def _end(children: list["subprocess.Popen[bytes]"]) -> None:
    while children:
        child = children.pop()
        try:
            child.communicate(timeout=ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            _left_at_work.append(child)


def _started() -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
    )
    _hear(child, "ready")
    return child


def _write(child: "subprocess.Popen[bytes]", line: Sequence[object]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(line).encode() + b"\n")


def _hear(child: "subprocess.Popen[bytes]", word: str) -> None:
    assert child.stdout is not None
    readable, _, _ = select.select([child.stdout], [], [], START_SECONDS)
    if not readable or child.stdout.readline() != word.encode() + b"\n":
        child.kill()
        raise TimeoutError("the process that ends left-over backup jobs does not answer")


# -- the child -----------------------------------------------------------------------------------------


def _main() -> None:
    # A service manager that ends the processes of a dead service must not end this one.
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    watched: dict[str, tuple[float, Rescue]] = {}
    print("ready", flush=True)
    for line in _lines(watched):
        if line[0] == "open":
            watched[line[1]] = (time.monotonic() + line[2], line[3])
            print(line[1], flush=True)
        else:
            watched.pop(line[1], None)
    _rescue_all([rescue for _, rescue in watched.values()])


def _lines(watched: dict[str, tuple[float, Rescue]]) -> Iterator[Any]:
    """Each line of the input, until it ends; jobs that are overdue meanwhile are ended."""
    kept = b""
    while True:
        nearest = min((ends_at for ends_at, _ in watched.values()), default=None)
        left = None if nearest is None else max(0.0, nearest - time.monotonic())
        readable, _, _ = select.select([0], [], [], left)
        if not readable:
            _rescue_overdue(watched)
            continue
        read = os.read(0, 65536)
        if not read:
            return
        *whole, kept = (kept + read).split(b"\n")
        yield from map(json.loads, whole)


def _rescue_overdue(watched: dict[str, tuple[float, Rescue]]) -> None:
    now = time.monotonic()
    for fabric_id, (ends_at, rescue) in list(watched.items()):
        if ends_at <= now:
            # It stays watched: should the owner die meanwhile, the attempt must outlive this thread.
            watched[fabric_id] = (now + RESCUE_SECONDS, rescue)
            # This program uses the standard library only.
            threading.Thread(target=_rescue_all, args=([rescue],), daemon=True).start()  # noqa: TID251


def _rescue_all(rescues: Sequence[Rescue]) -> None:
    left, deadline = list(rescues), time.monotonic() + RESCUE_SECONDS
    while left and time.monotonic() < deadline:
        left = [rescue for rescue in left if not _rescue(rescue)]
        if left:
            time.sleep(PAUSE_SECONDS)


def _rescue(rescue: Rescue) -> bool:
    """End a machine's job; True if no job of ours is left, or the machine can never be reached again."""
    kind, *rest = rescue
    if kind == "program":
        return _succeeds(rest)
    if kind == "virsh":
        return end_by_virsh(*rest)
    if not Path(rest[0]).exists():
        return True
    try:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(ANSWER_SECONDS)
            talk.connect(rest[0])
            return _end_by_monitor(talk.makefile("rw"))
    except ConnectionRefusedError:
        return True  # nobody listens: QEMU is gone, and with it the job
    except (OSError, ValueError):
        return False


def _succeeds(command: Sequence[str]) -> bool:
    try:
        ran = subprocess.run(command, capture_output=True, timeout=VIRSH_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def _end_by_monitor(talk: IO[str]) -> bool:
    """Cancel all backup jobs: an embedded root has none but ours. The next driver tidies up."""
    talk.readline()
    _ask(talk, "qmp_capabilities")
    for job in _backups(talk):
        _ask(talk, "block-job-cancel", device=job, force=True)
    return not _backups(talk)


def _backups(talk: IO[str]) -> list[str]:
    """Ids of jobs that still copy. One that has concluded is left for the next driver, which learns from it
    how it ended."""
    jobs = _ask(talk, "query-block-jobs") or ()
    return [job["device"] for job in jobs if job["type"] == "backup" and job["status"] != "concluded"]


def _ask(talk: IO[str], command: str, **arguments: object) -> Any:
    """QEMU's result; None if it refused. Raises ValueError if the connection ends."""
    talk.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    talk.flush()
    while True:
        answer = json.loads(talk.readline())
        if "return" in answer or "error" in answer:
            return answer.get("return")


def end_by_virsh(uri: str, machine: str, sockets: str) -> bool:
    """End the machine's job by virsh, if its socket is ours."""
    seen = _virsh(uri, "backup-dumpxml", machine)
    if seen.returncode != 0:
        return _has_no_job(uri, machine)
    if f"'{sockets}/" not in seen.stdout:
        return True
    return _virsh(uri, "domjobabort", machine).returncode == 0


def _has_no_job(uri: str, machine: str) -> bool:
    """Whether the daemon answers, and the machine is off, gone, or without any job."""
    running = _virsh(uri, "list", "--uuid")
    if running.returncode != 0 or machine not in running.stdout.split():
        return running.returncode == 0
    return NO_JOB in _virsh(uri, "domjobinfo", machine).stdout.split()


def _virsh(uri: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = ["virsh", "-c", uri, *words]
    environment = os.environ | {"LC_ALL": "C"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=VIRSH_SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", "")


if __name__ == "__main__":
    _main()
