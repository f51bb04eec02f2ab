"""What whoever starts a process gives it along, made the same everywhere before anything else is loaded:
its standard streams, the variables of its environment that it and its children go by, and what an
interrupt does meanwhile."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator

FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where Debian keeps what we start; a user's PATH is without half of them."""
LOCALE = "C.UTF-8"
DROPPED = (
    "LANGUAGE",
    "SSLKEYLOGFILE",  # keys of connections would be written there, by GnuTLS in QEMU too
    "G_MESSAGES_DEBUG",  # GLib's words on the standard output of QEMU's programs
)
SIZES = ("COLUMNS", "LINES")


def settle() -> None:
    """Once, at first. Changes the environment of this process, which its children have from it."""
    _open_streams()
    for name in DROPPED:
        os.environ.pop(name, None)
    for name in SIZES:
        if not _is_size(os.environ.get(name, "")):
            os.environ.pop(name, None)
    os.environ["LC_ALL"] = LOCALE
    given = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    os.environ["PATH"] = os.pathsep.join([*given, *(each for each in FOLDERS if each not in given)])


@contextlib.contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """Meanwhile Ctrl-C just ends this process, as it ends one that Python does not run. One that ignores
    it goes on to."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def tell(line: str) -> None:
    """Whoever started this process, if they listen: a service goes on whose output has no room."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def flush() -> None:
    """What cannot be written is given up: the interpreter would complain, and end with a code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_size(given: str) -> bool:
    """Rich shows nothing at all for COLUMNS=0."""
    return given.isascii() and given.isdigit() and int(given[:9]) > 0


def _open_streams() -> None:
    """In place of closed ones: the next file that is opened would be what is printed to. And no character
    stops an answer."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
