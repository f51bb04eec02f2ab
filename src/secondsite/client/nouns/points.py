"""Recovery points of a machine."""

from collections.abc import Iterator
from datetime import datetime

from ...domain.points import Consistency
from ...wire import rest
from ...wire.common.guest_files import GuestFile, GuestFiles
from ...wire.common.points import PointShape
from ...wire.rest.verification import CopyNetwork
from ..connection import Connection, path, request
from .jobs import JobHandle


class PointHandle:
    """One recovery point, by its id. All calls raise NotFound for an unknown one."""

    def __init__(self, connection: Connection, machine: str, point_id: str) -> None:
        self._connection = connection
        self._parts = ("machines", machine, "points", point_id)

    def hold(self, reason: str) -> PointShape:
        """Keeps the point, whatever retention says, until it is released."""
        body = request(rest.PointHold, reason=reason)
        return self._connection.one(PointShape, "PUT", path(*self._parts, "hold"), body=body)

    def release(self, reason: str | None = None) -> PointShape:
        """Ends the hold: retention decides about the point again. `reason`: that of the hold that is meant;
        another one is not ended."""
        query = {} if reason is None else {"reason": reason}
        return self._connection.one(PointShape, "DELETE", path(*self._parts, "hold"), query=query)

    def verify(self) -> JobHandle:
        """A job that reads the point at the target and compares it with what was sealed; the point is
        marked."""
        accepted = self._connection.one(rest.JobAccepted, "POST", path(*self._parts, "verify"))
        return JobHandle(self._connection, accepted.job_id)

    def boot(self, network: CopyNetwork | None = None, or_older: int = 0) -> JobHandle:
        """A job that boots a copy from the point at the target, looks at it and removes it; the point is
        graded. `network`: 'isolated' or 'none'; not given: what the site's verification says. `or_older`: how
        many older points may be booted as well, each twice as far back, until one is usable."""
        body = request(rest.PointBoot, network=network, or_older=or_older)
        accepted = self._connection.one(rest.JobAccepted, "POST", path(*self._parts, "boot"), body=body)
        return JobHandle(self._connection, accepted.job_id)

    def restore(
        self,
        name: str,
        folder: str,
        *,
        network: str | None = None,
        start: bool = False,
        unencrypted: bool = False,
    ) -> JobHandle:
        """A job that makes a machine of its own from the point at the target's site, beside the protected
        one, which runs on. `folder`: the absolute path, at the target's host, of where its disks will lie;
        `network`: that of its cards, none if it is not given; `unencrypted`: also from an encrypted
        replica."""
        body = request(
            rest.PointRestore,
            name=name,
            folder=folder,
            network=network,
            start=start,
            unencrypted=unencrypted,
        )
        accepted = self._connection.one(rest.JobAccepted, "POST", path(*self._parts, "restore"), body=body)
        return JobHandle(self._connection, accepted.job_id)

    def files(self, folder: str = "") -> Iterator[GuestFile]:
        """The files of a folder in the point, by name; without one its volumes, with the names of which
        paths begin. A machine of the target's own reads them, which takes seconds."""
        after = None
        while True:
            body = request(rest.PointFilesList, path=folder, after=after)
            found = self._connection.one(GuestFiles, "POST", path(*self._parts, "list-files"), body=body)
            yield from found.files
            if not found.more or not found.files:
                return
            after = found.files[-1].name

    def fetch_files(self, wanted: str, folder: str, *, unencrypted: bool = False) -> JobHandle:
        """A job that writes `wanted`, a file of the point or a folder with all below, into a folder of the
        target's host, which `folder` names absolutely. `unencrypted`: also from an encrypted replica."""
        body = request(rest.PointFilesFetch, path=wanted, folder=folder, unencrypted=unencrypted)
        accepted = self._connection.one(
            rest.JobAccepted, "POST", path(*self._parts, "fetch-files"), body=body
        )
        return JobHandle(self._connection, accepted.job_id)

    def send_files(self, wanted: str, *, unencrypted: bool = False) -> Iterator[bytes]:
        """A tar archive of `wanted`, a file of the point or a folder with all below, piece by piece, as it is
        read at the target. Raises VaultUnreachable if it is cut off. `unencrypted`: also from an encrypted
        replica."""
        body = request(rest.PointFilesSend, path=wanted, unencrypted=unencrypted)
        return self._connection.pieces("POST", path(*self._parts, "send-files"), body)


class Points:
    """The recovery points of a machine; `points["20261120T081530Z-1.42"]` is one."""

    def __init__(self, connection: Connection, machine: str) -> None:
        self._connection = connection
        self._machine = machine

    def __getitem__(self, point_id: str) -> PointHandle:
        return PointHandle(self._connection, self._machine, point_id)

    def __iter__(self) -> Iterator[PointShape]:
        return self.list()

    def list(
        self,
        *,
        consistency: Consistency | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        set_id: str | None = None,
        held: bool | None = None,
        damaged: bool | None = None,
        proven: bool | None = None,
        page_size: int = rest.MOST_PER_PAGE,
    ) -> Iterator[PointShape]:
        """Those that fit all that is given, newest first; `since` and `before` are aware and bound
        `taken_at`."""
        query = request(
            rest.PointQuery,
            consistency=consistency,
            since=since,
            before=before,
            set_id=set_id,
            held=held,
            damaged=damaged,
            proven=proven,
            limit=page_size,
        )
        return self._connection.pages(rest.PointPage, path("machines", self._machine, "points"), query)
