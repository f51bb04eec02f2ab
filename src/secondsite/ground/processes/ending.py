"""Ends processes that are not our children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

_EXITING = 0x4
"""PF_EXITING, of the kernel's include/linux/sched.h."""


def kill(pid: int, is_wanted: Callable[[], bool], within_seconds: float) -> bool:
    """Kill a process if it is the wanted one. True once it has nothing open any more, also if it was
    ending already; False if that takes longer."""
    with _opened(pid) as process:
        if process is None:
            return True
        if is_wanted():  # asked after it was opened: no later process of its number is killed
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        elif not _is_ending(pid):
            return True
        return _is_gone(process, within_seconds)


def await_end(pid: int, within_seconds: float) -> bool:
    """Wait for a process, if it is ending. False if that takes longer."""
    return kill(pid, lambda: False, within_seconds)


@contextlib.contextmanager
def _opened(pid: int) -> Iterator[int | None]:
    try:
        process = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield process
    finally:
        os.close(process)


def _is_ending(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return bool(int(fields[6]) & _EXITING)


def _is_gone(process: int, within_seconds: float) -> bool:
    """Whether the process has ended: the kernel reports that once all its threads have closed their files."""
    asked = select.poll()
    asked.register(process, select.POLLIN)
    return bool(asked.poll(within_seconds * 1000))
