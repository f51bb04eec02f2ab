"""`python -m rig.reaper COMMAND...`: runs a command, and takes leave of whatever dies as an orphan below it.

QEMUs and daemons detach from who started them, so that their end is noticed by process 1 alone. Where that is
slow, as in many containers, libvirt waits for each QEMU that it ends until the dead process is gone: up to
two seconds each time.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_CHILD_SUBREAPER = 36


def run(command: Sequence[str]) -> int:
    """The command's exit code; 128 and the signal's number if a signal ended it. A termination is passed
    on to it; an interrupt from a terminal reaches it anyway."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    child = os.posix_spawnp(command[0], list(command), os.environ, setsigmask=before)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
