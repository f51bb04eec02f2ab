"""A real iSCSI target on this host's loopback (tgt, in user space): files that are disks of the network."""

import os
import re
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig import processes
from rig.eventually import eventually

HERE, NAME = "127.0.0.1", "iqn.2026-11.example:"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
LUN, PORT = 1, 3260
FILE_DISK = r"""<disk type=['"]file['"]([^>]*>(?:(?!</disk>).)*)<source file=['"]([^'"]*)['"]/>"""


class IscsiTarget:
    """A context: it runs inside. Begun by `start` it runs on, until `stop` or the end of what names its
    folder. `here`: the address that it serves at. `inside`: words before its program, as of a network of its
    own, where nobody else has its port."""

    def __init__(self, folder: Path, here: str = HERE, inside: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.here, self.inside = folder, here, inside
        self.port = PORT if inside else _free_port(here)
        self.files: list[Path] = []
        """What it serves: each file is the disk of a target of its own."""

    def __enter__(self) -> "IscsiTarget":
        self.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def start(self) -> None:
        pid_file = self.folder / "tgtd.pid"
        command = [*self.inside, "tgtd", "--nr_iothreads", "1", "--pid-file", str(pid_file)]
        portal = f"portal={self.here}:{self.port}"
        with (self.folder / "tgtd.log").open("ab") as log:
            subprocess.run(
                [*command, "--iscsi", portal], stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=30,
                check=True, env={**os.environ, **self._environment},
            )  # fmt: skip
        try:
            eventually(self._answers, 20)
            for number in range(len(self.files)):
                self._serve(number)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """As a portal that is gone: it refuses connections."""
        processes.kill_all(processes.of_folder(self.folder / "tgtd.pid"))  # asked, it waits for visitors
        for left in self.folder.glob("socket*"):
            left.unlink()

    def offer(self, file: Path) -> str:
        """Serve a file as a raw disk; how a definition names it."""
        self.files.append(file)
        self._serve(len(self.files) - 1)
        return self.source(file)

    def source(self, file: Path) -> str:
        """The element of a definition that names the disk."""
        name = f"{self._name(self.files.index(file))}/{LUN}"
        host = f"<host name='{self.here}' port='{self.port}'/>"
        return f"<source protocol='iscsi' name='{name}'>{host}</source>"

    def file(self, path: str) -> Path | None:
        """The file of a disk that the inventory names so."""
        names = self._name("(\\d+)")
        found = re.fullmatch(f"iscsi://{self.here}:{self.port}/{names}/{LUN}", path)
        return None if found is None else self.files[int(found[1])]

    def only(self, initiator: str, number: int = 0) -> None:
        """From now on only that initiator may log in at a target."""
        at = ("--mode", "target", "--tid", str(number + 1))
        self._tell("--op", "bind", *at, "-Q", initiator)
        self._tell("--op", "unbind", *at, "-I", "ALL")

    def visitors(self, number: int = 0) -> list[str]:
        """Initiator and address of each session at a target."""
        told = self._tell("--op", "show", "--mode", "conn", "--tid", str(number + 1))
        return re.findall(r"Initiator: (\S+).*\n(?:.*\n)*?\s*IP Address: (\S+)", told)

    def named(self, xml: str) -> str:
        """A definition in which the files that are served are disks of the network."""

        def renamed(found: re.Match[str]) -> str:
            if Path(found[2]) not in self.files:
                return found[0]
            return f"<disk type='network'{found[1]}{self.source(Path(found[2]))}"

        return re.sub(FILE_DISK, renamed, xml, flags=re.DOTALL)

    def _name(self, number: int | str) -> str:
        return f"{NAME}{self.port}-{number}"

    @property
    def _environment(self) -> Mapping[str, str]:
        return {"PATH": PATH, "TGT_IPC_SOCKET": str(self.folder / "socket")}

    def _serve(self, number: int) -> None:
        tid = ("--tid", str(number + 1))
        self._tell("--op", "new", "--mode", "target", *tid, "-T", self._name(number))
        lun = ("--lun", str(LUN), "-b", str(self.files[number]))
        self._tell("--op", "new", "--mode", "logicalunit", *tid, *lun)
        self._tell("--op", "bind", "--mode", "target", *tid, "-I", "ALL")

    def _tell(self, *words: str) -> str:
        done = subprocess.run(
            ["tgtadm", "--lld", "iscsi", *words], capture_output=True, text=True, timeout=30, check=True,
            env={**os.environ, **self._environment},
        )  # fmt: skip
        return done.stdout

    def _answers(self) -> bool:
        try:
            self._tell("--op", "show", "--mode", "target")
            if not self.inside:
                socket.create_connection((self.here, self.port), 1).close()
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


def _free_port(here: str) -> int:
    with socket.socket() as probe:
        probe.bind((here, 0))
        port: int = probe.getsockname()[1]
        return port
