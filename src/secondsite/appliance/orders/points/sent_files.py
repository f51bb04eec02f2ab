"""Files out of a recovery point, sent to whoever asked the vault: a tar archive by a way of its own, of which
nothing is kept here.

The order has ended once the archive has begun. A thread goes on with it; it ends with the archive, the way,
the point, the helper machine, or this process."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterable, Iterator

import structlog
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from ....domain import errors
from ....domain.amounts import size
from ....domain.drills.ways import LONGEST_WAY_SECONDS
from ....domain.machines import guest_paths
from ....ground import seams, threads
from ....ground.plural import counted
from ....wire.control.guest_files import SendFiles
from ....wire.control.orders import Nothing
from ....wire.control.ways import END, LONGEST, LONGEST_REASON
from ...helper import Extracted
from ...shared import dialled
from ..context import Context
from . import copy_checks, guest_files

log = structlog.get_logger(__name__)


def send_files(context: Context, payload: SendFiles) -> tuple[str, Nothing]:
    """Begin to send what the path names. Raises NotFound, NotPossibleNow, ApplianceUnreachable,
    DeadlineExceeded."""
    guest_files.require_volume(guest_paths.meant(payload.path))
    copy_checks.require_plain(context.hosted(), payload.unencrypted)
    _Sending(context, payload).begin()
    return f"{payload.path} of {payload.point_id} is being sent", Nothing()


class _Sending:
    """One archive on its way. `begin` returns once it is, or raises why it is not."""

    def __init__(self, context: Context, payload: SendFiles) -> None:
        self._context = context
        self._payload = payload
        self._path = guest_paths.meant(payload.path)
        self._ends_at = time.monotonic() + LONGEST_WAY_SECONDS
        self._decided = threading.Event()
        self._is_late = False
        self._problem: Exception | None = None

    def begin(self) -> None:
        threads.worker("sent-files", self._run).start()
        if not self._decided.wait(self._context.left_seconds()):
            self._is_late = True
            raise errors.DeadlineExceeded("The files were not there in time.", do="Ask for them again.")
        if self._problem is not None:
            raise self._problem

    def _is_over(self) -> bool:
        return self._is_late or time.monotonic() > self._ends_at

    def _run(self) -> None:
        with contextlib.ExitStack() as lines:
            try:
                self._send(lines)
            except Exception as problem:
                self._failed(problem)

    def _send(self, lines: contextlib.ExitStack) -> None:
        """Until all was taken. What is sent is as much as the other end takes: no more of it waits here."""
        found = Extracted()
        with guest_files.opened(self._context, self._payload.point_id, self._is_over) as reader:
            pieces = reader.archive(self._path, found)
            first = next(pieces)
            line = self._dialled(lines)
            self._decided.set()
            seams.reach("appliance.send-files.begun")
            for message in _messages(itertools.chain((first,), pieces)):
                line.send(message)
        line.send(END)
        with contextlib.suppress(ConnectionClosed):
            for _ in line:  # the vault ends the connection once it has passed everything on
                pass
        log.info("files.sent", machine=self._context.machine_id, point=self._payload.point_id,
                 sent=f"{counted(found.files, 'file')}, {size(found.size_bytes)}",
                 left_out=found.left_out)  # fmt: skip

    def _dialled(self, lines: contextlib.ExitStack) -> ClientConnection:
        parts, asked = self._context.parts, self._payload
        line = dialled(parts.config, parts.peers, parts.known_vaults, asked.way, asked.secret)
        lines.callback(line.close)
        self._line = line
        return line

    def _failed(self, problem: Exception) -> None:
        if not self._decided.is_set():
            self._problem = problem
            self._decided.set()
            return
        why = problem.message if isinstance(problem, errors.SecondsiteError) else str(problem)
        log.warning("files.not-sent", machine=self._context.machine_id, point=self._payload.point_id,
                    problem=why)  # fmt: skip
        with contextlib.suppress(ConnectionClosed):
            self._line.send(why[:LONGEST_REASON] or "it failed")


def _messages(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, in messages of LONGEST bytes."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= LONGEST:
            yield bytes(waiting[:LONGEST])
            del waiting[:LONGEST]
    if waiting:
        yield bytes(waiting)
