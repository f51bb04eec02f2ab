"""The process between the appliance and a script: when it is told to end, or when the appliance dies, it ends
everything that the script has started.

Whatever leaves the script's session or its parent becomes a child of this one, which is a subreaper
(prctl(2)): so nothing can escape that way. What still runs when the script ends by itself is left running.
This file is the program; it uses the standard library only.
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Iterator

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
END_SECONDS, PAUSE_SECONDS = 5.0, 0.005
"""How long it tries to end them, and the pause between tries: a process that sleeps in the kernel ends when
it wakes up."""
TOLD = {signal.SIGTERM, signal.SIGCHLD}
CANNOT_START = 127
"""The exit status that shells use for a command that cannot be started."""
SHELL = "/bin/sh"


def main(command: list[str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, TOLD)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # in place of the SIGKILL that it was started with
    script = _start(command)
    while signal.sigwait(TOLD) is not signal.SIGTERM:
        for pid, status in _ended():
            if pid == script:
                _end_as(os.waitstatus_to_exitcode(status))
    _end_all()
    _end_as(-signal.SIGKILL)


def _start(command: list[str]) -> int:
    """Start the script; returns its process id. It has a session of its own, so that a signal to its process
    group does not reach the supervisor; it dies if the supervisor is killed."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, TOLD)
            for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored_by_python, signal.SIG_DFL)
            _become(command)
    except OSError as problem:
        os.write(2, f"{command[0]} cannot be started: {problem.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START)


def _become(command: list[str]) -> None:
    try:
        os.execv(command[0], command)
    except OSError as problem:
        if problem.errno != errno.ENOEXEC:
            raise
        os.execv(SHELL, [SHELL, *command])  # no first line: what a shell does with it


def _ended() -> Iterator[tuple[int, int]]:
    """The children that have ended, as pairs of process id and status."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def _end_all() -> None:
    """Kill all children, until there are none. Only children: a process id that was not waited for cannot be
    reused. The children of a dead child become children of the supervisor."""
    give_up_at = time.monotonic() + END_SECONDS
    while time.monotonic() < give_up_at and (ours := _children()):
        for pid in ours:
            with contextlib.suppress(PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE_SECONDS)
        for _ in _ended():
            pass


def _children() -> list[int]:
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in numbers if _parent(pid) == os.getpid()]


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def _end_as(status: int) -> None:
    """End as the script did: with its exit status, or by the same signal."""
    if status < 0:
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
        _prctl(PR_SET_DUMPABLE, 0)
        os.kill(os.getpid(), -status)
    os._exit(status & 255)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main(sys.argv[1:])
