"""The simulated hypervisor: a qemu-storage-daemon that outlives the process which started it.

One lives per folder. Any process finds it by its pid file, talks to it for one session, and leaves it
running. Its identity (pid and start time) tells it from a later daemon in the same folder."""

from __future__ import annotations

import contextlib
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ....datapath import errors as datapath_errors
from ....datapath.disks import QmpClient, QmpRefused
from ....datapath.encryption import EncryptionKey
from ....domain import errors
from ....ground.processes import ending, short_folder
from . import files

LONGEST_FOLDER = 100 - len("/nbd.sock")
DEADLINE_SECONDS = 20.0
PID_FILE_IN_USE = "Cannot lock pid file"
_ABSENT = re.compile(r"not found|Failed to find|Cannot find", re.IGNORECASE)


class Session:
    """A conversation with a daemon; removing twice is harmless."""

    def __init__(self, client: QmpClient) -> None:
        self._client = client

    def run(self, command: str, **arguments: Any) -> Any:
        """One QMP command; underscores become hyphens. Raises QmpRefused, StorageDaemonGone."""
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        return self._client.command(command, named, deadline_seconds=DEADLINE_SECONDS)

    def try_remove(self, command: str, **arguments: Any) -> bool:
        """Run a command that removes something; False if it is not there."""
        try:
            self.run(command, **arguments)
        except QmpRefused as error:
            if _ABSENT.search(error.message) is None:
                raise
            return False
        return True

    def add_export(
        self, export: str, node: str, *, writable: bool = False, bitmaps: tuple[str, ...] = ()
    ) -> None:
        self.run(
            "block-export-add",
            type="nbd",
            id=export_id(export),
            node_name=node,
            name=export,
            writable=writable,
            bitmaps=list(bitmaps),
        )

    def encryption(self, key: EncryptionKey) -> dict[str, str]:
        """Options that give a node the key; makes the key known to the daemon if needed."""
        try:
            self.run("object-add", qom_type="secret", id=key.name, file=str(key.path))
        except QmpRefused as error:
            if "duplicate" not in error.message:
                raise
        return {"format": "luks", "key-secret": key.name}

    def drop_export(self, export: str) -> None:
        """End an export, disconnecting its clients, and wait until it is gone."""
        wanted = export_id(export)
        if self.try_remove("block-export-del", id=wanted, mode="hard"):
            self._wait(
                lambda event: event["event"] == "BLOCK_EXPORT_DELETED" and event["data"]["id"] == wanted
            )

    def drop_job(self, job: str) -> None:
        """Cancel a job and wait until it is gone."""
        if self.try_remove("job-cancel", id=job):
            self._wait(
                lambda event: (
                    event["event"] == "JOB_STATUS_CHANGE" and event["data"] == {"id": job, "status": "null"}
                )
            )

    def drop_kept_job(self, job: str) -> None:
        """End a job that stays listed until it is dismissed, whatever its state."""
        status = next((one["status"] for one in self.run("query-jobs") if one["id"] == job), None)
        if status is None:
            return
        if status != "concluded":
            self.run("job-cancel", id=job)
            ended = {"id": job, "status": "concluded"}
            self._wait(lambda event: event["event"] == "JOB_STATUS_CHANGE" and event["data"] == ended)
        self.run("job-dismiss", id=job)

    def drop_node(self, node: str) -> None:
        self.try_remove("blockdev-del", node_name=node)

    def drop_bitmap(self, node: str, bitmap: str) -> None:
        self.try_remove("block-dirty-bitmap-remove", node=node, name=bitmap)

    def _wait(self, matches: Callable[[dict[str, Any]], bool]) -> None:
        self._client.wait_event(matches, DEADLINE_SECONDS)


class Daemon:
    """The daemon of one folder, running or not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._pid_file = self._folder / "daemon.pid"

    @property
    def identity(self) -> str | None:
        """The identity of the daemon that lives here now, None if there is none."""
        pid = self._pid()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return f"{pid}:{fields[19]}" if pid is not None and fields[0] != "Z" else None

    @property
    def nbd_socket(self) -> Path:
        return self._sockets() / "nbd.sock"

    def ensure(self) -> str:
        """Start a daemon unless one runs; returns its identity. Raises FabricError if it does not start."""
        found = self.identity
        if found is not None:
            return found
        self._folder.mkdir(parents=True, exist_ok=True)
        with files.locked(self._folder / "launch.lock", DEADLINE_SECONDS, "start the storage daemon"):
            if self.identity is None:
                self._launch()
        found = self.identity
        if found is None:
            raise self._did_not_start()
        return found

    @contextlib.contextmanager
    def session(self, about: str) -> Iterator[Session]:
        """Talk to the running daemon; its refusals and its death become FabricErrors about `about`."""
        with (
            translated(about),
            files.locked(self._folder / "qmp.lock", DEADLINE_SECONDS, "talk to the storage daemon"),
        ):
            client = QmpClient(self._sockets() / "qmp.sock", DEADLINE_SECONDS)
            try:
                yield Session(client)
            finally:
                client.close()

    def kill(self) -> None:
        """End the daemon as a power cut would, and wait until it has nothing open any more."""
        pid = self._recorded()
        if pid is not None and not ending.kill(pid, lambda: self._is_ours(pid), DEADLINE_SECONDS):
            raise errors.FabricError(f"The storage daemon {pid} cannot be killed.", do="Restart the host.")

    def until_gone(self) -> None:
        """Wait for the end of a daemon that somebody else killed: until then its disks are locked."""
        pid = self._recorded()
        if pid is not None:
            ending.await_end(pid, DEADLINE_SECONDS)

    def remove(self) -> None:
        """Kill the daemon and remove its files."""
        self.kill()
        sockets = short_folder.last(self._folder, LONGEST_FOLDER)
        if sockets is not None:
            shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pid(self) -> int | None:
        """The pid in the file, if that process is a daemon of this folder."""
        pid = self._recorded()
        return pid if pid is not None and self._is_ours(pid) else None

    def _recorded(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        try:
            return str(self._pid_file).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def _sockets(self) -> Path:
        return short_folder.last(self._folder, LONGEST_FOLDER) or self._folder

    def _launch(self) -> None:
        sockets = short_folder.made(self._folder, LONGEST_FOLDER)
        qmp, nbd = (str(sockets / name).replace(",", ",,") for name in ("qmp.sock", "nbd.sock"))
        command = [
            "qemu-storage-daemon", "--daemonize", "--pidfile", str(self._pid_file),
            "--chardev", f"socket,id=qmp,path={qmp},server=on,wait=off", "--monitor", "chardev=qmp",
            "--nbd-server", f"addr.type=unix,addr.path={nbd},max-connections=0",
        ]  # fmt: skip
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._starts(command):
            if time.monotonic() > deadline:
                raise self._did_not_start()
            time.sleep(files.POLL_SECONDS)
        self._allow_many_files()

    def _starts(self, command: Sequence[str]) -> bool:
        """Start a daemon; False while one that was killed still has the lock of the pid file: the kernel
        removes its command line, by which it is recognized, a moment earlier. Raises FabricError for any
        other reason."""
        try:
            with self._log.open("wb") as log:
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=DEADLINE_SECONDS,
                    check=True,
                )
        except (OSError, subprocess.SubprocessError) as error:
            if PID_FILE_IN_USE in self._said():
                return False
            raise self._did_not_start() from error
        return True

    def _allow_many_files(self) -> None:
        """Every disk costs descriptors; 1,000 machines need more than the usual 1,024."""
        pid = self._pid()
        if pid is not None:
            hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))

    @property
    def _log(self) -> Path:
        return self._folder / "daemon.log"

    def _said(self) -> str:
        return self._log.read_text(errors="replace").strip()[-300:] if self._log.exists() else ""

    def _did_not_start(self) -> errors.FabricError:
        return errors.FabricError(
            f"The simulated hypervisor in {self._folder} did not start. {self._said()}".strip(),
            do=(
                "Check that Debian's qemu-system-common and qemu-utils are installed and that the folder has "
                "free space."
            ),
        )


def export_id(export: str) -> str:
    """Export ids allow fewer characters than export names do."""
    return "x" + "".join(letter if letter.isalnum() else "-" for letter in export)


@contextlib.contextmanager
def translated(about: str) -> Iterator[None]:
    """Translate errors of the data path into the domain's."""
    try:
        yield
    except errors.StoreFull as error:
        raise errors.StoreFull(f"{about}: {error.message}") from error
    except datapath_errors.DatapathError as error:
        raise errors.FabricError(f"{about}: {error.message}", do=error.do) from error
