"""Named points in production code where a test can stop the world.

`reach(name)` does nothing in production. A test in the same process arms a callback, which may raise. A test
of a real process sets SECONDSITE_SEAM_FILE: while that file holds a number n, the n-th reach from then on
removes the file, leaves the seam's name in `<file>.hit` and kills the process as `kill -9` would. Where the
number fills 32 bytes (as `order` writes it), a second line may name the pid file of another process to kill
instead: a storage daemon in the middle of our effect; and a third line the only seam whose reaches count.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import durable, lockfile

ENVIRONMENT = "SECONDSITE_SEAM_FILE"

_callback: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Pass the seam `name`: whatever a test armed happens here."""
    if _callback is not None:
        _callback(name)
    path = os.environ.get(ENVIRONMENT)
    if path and _is_the_last(path, name):
        _die(path, name)


def arm(callback: Callable[[str], None] | None) -> None:
    """Call `callback` with the name at every reach in this process; None disarms."""
    global _callback
    _callback = callback


@contextmanager
def armed(callback: Callable[[str], None]) -> Iterator[None]:
    """Arm for the length of a with block."""
    arm(callback)
    try:
        yield
    finally:
        arm(None)


def order(path: Path, reaches: int, pid_file: Path | None = None, seam: str = "") -> None:
    """Have the process with this seam file (or the one in the pid file) die after that many reaches; with
    `seam`, of that one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(f"{reaches:<31}\n{pid_file or ''}\n{seam}")
    fresh.rename(path)


def _is_the_last(path: str, name: str) -> bool:
    """Count one reach down; True when this one is to be fatal."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        lockfile.wait_alone(file)
        text = os.pread(file, 32, 0).strip()
        if os.pread(file, 4096, 32).decode().partition("\n")[2] not in ("", name):
            return False
        left = int(text) - 1 if text.isdigit() else -1
        if left >= 0:
            os.pwrite(file, b"%-31d\n" % left, 0)
        return left == 0
    finally:
        os.close(file)


def _die(path: str, name: str) -> None:
    victim = _victim(path)
    os.unlink(path)
    hit = Path(path + ".hit")
    hit.write_text(name)
    durable.sync_file(hit)
    with suppress(ProcessLookupError):
        if victim:
            os.kill(victim, signal.SIGKILL)


def _victim(path: str) -> int:
    """The process to kill: this one, or the one whose pid file the second line names; 0 kills nobody."""
    pid_file = Path(path).read_text().partition("\n")[2].partition("\n")[0].strip()
    if not pid_file:
        return os.getpid()
    try:
        return int(Path(pid_file).read_text())
    except (FileNotFoundError, ValueError):
        return 0
