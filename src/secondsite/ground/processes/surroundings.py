"""Normalizes what a process inherits, before anything else is loaded: its standard streams, environment
variables that it and its children use, and what an interrupt does meanwhile."""

import contextlib
import io
import os
import signal
import socket
import sys
from collections.abc import Iterator

FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""The PATH with which we find programs, as on Debian; a user's PATH lacks half of these folders."""
LOCALE = "C.UTF-8"
DROPPED = (
    "LANGUAGE",
    "SSLKEYLOGFILE",  # keys of connections would be written there, by GnuTLS in QEMU too
    "G_MESSAGES_DEBUG",  # GLib's words on the standard output of QEMU's programs
)
SIZES = ("COLUMNS", "LINES")


def settle() -> None:
    """Do all of it; call it once, first of all. It changes the environment of this process, which its
    children inherit."""
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
    """Inside the context Ctrl-C just ends this process, as it ends other programs. If the process ignores
    interrupts, that stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def tell(line: str) -> None:
    """Print a line for whoever started this process; a line that cannot be written is dropped, because a
    service must go on."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def tell_ready(line: str) -> None:
    """As `tell`; and to systemd, if it wants to know: who starts a unit and types on at once is answered."""
    tell(line)
    address = os.environ.pop("NOTIFY_SOCKET", "")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            to.sendall(b"READY=1")


def flush() -> None:
    """Flush the output; what cannot be written is dropped: the interpreter would complain, and exit with a
    code of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_size(given: str) -> bool:
    """Whether the text is a usable width: Rich shows nothing at all with COLUMNS=0."""
    return given.isascii() and given.isdigit() and int(given[:9]) > 0


def _open_streams() -> None:
    """Replace closed standard streams, since output would otherwise go to the next file that is opened; and
    make output replace characters that it cannot encode."""
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
