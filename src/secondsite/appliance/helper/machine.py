"""The process of a helper machine: a QEMU with nothing but a serial line, two ports, and disks that are read.

It has no network card and no file of the host open: kernel, initramfs, disks and lines are descriptors. It
runs as QEMU's user, without a right of the appliance's, may start no program, and ends with this process.
What its kernel writes as it mounts (a journal that is replayed) stays in memory, within a bound."""

import contextlib
import os
import pwd
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...domain import errors
from ...ground.processes import children
from ...ground.units import MiB
from .dialogue import Dialogue, Lines
from .image import Image
from .kernel import Kernel

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 384
WRITTEN_BYTES = 256 * MiB
"""The most that it may write over one disk."""
TOTAL_BYTES = MEMORY_MIB * MiB + WRITTEN_BYTES + 128 * MiB
"""Memory of this host that one may take."""
MOST_AT_ONCE = 2
USERS = ("libvirt-qemu", "qemu", "nobody")
"""As whom QEMU runs here: the first that there is."""
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 no_timer_check cryptomgr.notests"
END_SECONDS = 20
MEMORY_FOLDER = "/dev/shm"
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Export:
    """A disk that an NBD server offers, to be read."""

    server: Path
    name: str


@contextlib.contextmanager
def started(
    kernel: Kernel,
    image: Image,
    disks: Sequence[Export],
    *,
    accelerated: bool,
    is_cancelled: Callable[[], bool],
) -> Iterator[Dialogue]:
    """A helper machine that takes requests; it is gone when the context ends. Raises NotPossibleNow."""
    if not _places.acquire(blocking=False):
        raise errors.NotPossibleNow(
            f"{MOST_AT_ONCE} helper machines read points here already.", do="Repeat it when one has ended."
        )
    with contextlib.ExitStack() as open_things:
        open_things.callback(_places.release)
        ours, theirs = _lines(open_things)
        files = [open_things.enter_context(_in_memory(each)) for each in (kernel.image, image.initramfs)]
        servers = [open_things.enter_context(_connected(disk)) for disk in disks]
        command = _command(files, theirs, servers, [disk.name for disk in disks], accelerated)
        output = open_things.enter_context(tempfile.TemporaryFile())
        passed = [*files, *(line.fileno() for line in (*theirs, *servers))]
        process = children.start(command, output, {**os.environ, "TMPDIR": MEMORY_FOLDER}, passed=passed)
        open_things.callback(_end, process)
        for line in theirs:
            line.close()  # so that its end is seen here
        dialogue = Dialogue(ours, is_cancelled)
        with _explained(process, output):
            dialogue.begin()
        yield dialogue


def _lines(open_things: contextlib.ExitStack) -> tuple[Lines, Lines]:
    """Our ends, and those of the machine."""
    words, data, console = pairs = [socket.socketpair() for _ in range(3)]
    for end in (end for pair in pairs for end in pair):
        open_things.enter_context(end)
    return (words[0], data[0], console[0]), (words[1], data[1], console[1])


@contextlib.contextmanager
def _explained(process: children.Child, output: IO[bytes]) -> Iterator[None]:
    """Inside, a machine that does not start says why."""
    try:
        yield
    except errors.NotPossibleNow as problem:
        with contextlib.suppress(children.Expired):
            process.wait(1)
        output.seek(0)
        said = output.read(2000).decode(errors="replace").strip()
        if process.poll() is None or not said:
            raise
        raise errors.NotPossibleNow(
            f"A helper machine did not start: {said[-500:]}.",
            do="Mend that; 'apt install qemu-system-x86 util-linux' brings what starts it.",
        ) from problem


def _end(process: children.Child) -> None:
    process.kill()
    process.wait(END_SECONDS)


@contextlib.contextmanager
def _in_memory(content: Path | bytes) -> Iterator[int]:
    """A descriptor of a file without a name, so that QEMU's user may read it, and nobody changes it."""
    file = os.memfd_create("secondsite-helper", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as writing:
            writing.write(content if isinstance(content, bytes) else content.read_bytes())
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def _connected(disk: Export) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(END_SECONDS)
        try:
            server.connect(str(disk.server))
        except OSError as problem:
            raise errors.NotPossibleNow(f"The point's disks cannot be read: {problem}.") from problem
        server.setblocking(True)  # QEMU takes it as it is
        yield server


def _command(
    files: Sequence[int],
    lines: Sequence[socket.socket],
    servers: Sequence[socket.socket],
    names: Sequence[str],
    accelerated: bool,
) -> list[str]:
    kernel, initramfs = files
    words, data, console = (line.fileno() for line in lines)
    return [
        *_limits(),
        *(PROGRAM, "-name", "secondsite-helper", "-machine", "pc", "-m", str(MEMORY_MIB), "-nodefaults"),
        *(() if not accelerated else ("-accel", "kvm")), *("-accel", "tcg,tb-size=64", "-cpu", "max"),
        *("-no-user-config", "-display", "none", "-no-reboot", "-sandbox", SANDBOX),
        *("-kernel", f"/proc/self/fd/{kernel}", "-initrd", f"/proc/self/fd/{initramfs}"),
        *("-append", f"{KERNEL_ARGUMENTS} helper.disks={len(servers)}"),
        *_line("console", console), "-serial", "chardev:console",
        *("-device", "virtio-serial-pci"),
        *_line("words", words), "-device", "virtserialport,chardev=words,name=secondsite.words",
        *_line("data", data), "-device", "virtserialport,chardev=data,name=secondsite.data",
        *("-device", "virtio-scsi-pci,id=disks"),
        *(word for number, server in enumerate(servers) for word in _disk(number, server, names[number])),
    ]  # fmt: skip


def _line(name: str, descriptor: int) -> tuple[str, str]:
    return "-chardev", f"socket,id={name},fd={descriptor}"


def _disk(number: int, server: socket.socket, name: str) -> tuple[str, ...]:
    """Its number is its target at the controller. `snapshot`: what is written goes to a file of its own."""
    drive = (
        f"if=none,id=disk{number},format=raw,snapshot=on,file.driver=nbd,file.server.type=fd,"
        f"file.server.str={server.fileno()},file.export={name}"
    )
    return "-drive", drive, "-device", f"scsi-hd,drive=disk{number},bus=disks.0,scsi-id={number},lun=0"


def _limits() -> tuple[str, ...]:
    """What QEMU is started by: it is to come last, may write no long file, and has no right of ours."""
    bounds = ("nice", "-n", "10", "prlimit", f"--fsize={WRITTEN_BYTES}", "--core=0")
    if os.geteuid() != 0:
        return bounds
    user = next(user for user in USERS if _is_there(user))
    group = str(pwd.getpwnam(user).pw_gid)
    return (
        *bounds, "setpriv", "--reuid", user, "--regid", group, "--init-groups", "--inh-caps=-all",
        "--no-new-privs", "--pdeathsig", "KILL",
    )  # fmt: skip


def _is_there(user: str) -> bool:
    try:
        return pwd.getpwnam(user).pw_uid != 0
    except KeyError:
        return False
