"""A child process that thaws or resumes guests if their owner dies or forgets them.

A guest whose file systems are frozen, or whose vCPUs are paused, must not depend on this process staying
alive. The child waits for the word "done" on its standard input. If its input ends without it, or the budget
is over, it thaws or resumes by itself: on the QEMU sockets that a dead embedded driver has released, or
through virsh.

This file is also that child's program; there it runs by itself with the standard library only.
"""

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

START_SECONDS = 10.0
RESCUE_SECONDS = 300.0
ANSWER_SECONDS = 2.0
VIRSH_SECONDS = 20.0
GREETED = b'{"execute":"qmp_capabilities"}\n{"execute":"cont"}\n'
# Not guest-sync-delimited: a late answer reaches the next libvirt, which gives up the agent for good when it
# reads the delimiter.
SYNCED = b'\xff{"execute":"guest-sync","arguments":{"id":7}}\n{"execute":"guest-fsfreeze-thaw"}\n'


@contextlib.contextmanager
def tied(rescues: Sequence[Sequence[str]], budget_seconds: float) -> Iterator[None]:
    """Inside the context a child process stands ready. `rescues` are ('monitor', socket), ('agent', socket)
    or a virsh command line ('virsh', ...). Raises OSError or TimeoutError if the child does not start."""
    arguments = [
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__)),
        json.dumps(list(rescues)),
        str(budget_seconds),
    ]
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(child)
        yield
    finally:
        _let_go(child)


def _wait_until_ready(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdout is not None
    readable, _, _ = select.select([child.stdout], [], [], START_SECONDS)
    if not readable or child.stdout.readline() != b"ready\n":
        child.kill()
        raise TimeoutError("the watchdog process did not start")


def _let_go(child: "subprocess.Popen[bytes]") -> None:
    try:
        child.communicate(b"done\n", timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _main() -> None:
    rescues, budget_seconds = json.loads(sys.argv[1]), float(sys.argv[2])
    # A service manager that ends the processes of a dead service must not end its watchdog.
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    print("ready", flush=True)
    readable, _, _ = select.select([sys.stdin], [], [], budget_seconds)
    if readable and sys.stdin.readline() == "done\n":
        return
    deadline = time.monotonic() + RESCUE_SECONDS
    left = list(rescues)
    while left and time.monotonic() < deadline:
        left = [rescue for rescue in left if not rescued(rescue)]
        if left:
            time.sleep(0.2)


def rescued(rescue: Sequence[str]) -> bool:
    """Rescue one guest; True if it goes on, or can never be reached again."""
    kind, *rest = rescue
    if kind == "virsh":
        with contextlib.suppress(subprocess.TimeoutExpired):  # a libvirtd that hangs ended the watchdog
            done = subprocess.run([kind, *rest], capture_output=True, timeout=VIRSH_SECONDS, check=False)
            return done.returncode == 0
        return False
    if not Path(rest[0]).exists():
        return True
    said = GREETED if kind == "monitor" else SYNCED
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(ANSWER_SECONDS)
        talk.connect(rest[0])
        talk.sendall(said)
        return _answered_twice(talk)
    return False


def _answered_twice(talk: socket.socket) -> bool:
    heard = b""
    while heard.count(b'"return"') < 2:
        more = talk.recv(4096)
        if not more:
            return False
        heard += more
    return True


if __name__ == "__main__":
    _main()
