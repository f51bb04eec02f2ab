"""Files out of recovery points. Who reads them stands in the audit log, with the path, before anything is
read."""

from .....domain import errors
from .....domain.machines import guest_paths
from .....wire import rest
from .....wire.common.guest_files import GuestFiles
from .....wire.control import orders
from .....wire.control.guest_files import ListFiles, SendFiles
from ....fleet.ways import AwaitedWay
from ....steps.points import fetch_files
from ....store import MachineRecord, Transaction
from ...parts import Parts
from ...shared import dialled_ways
from ...shared.answered_order import ask_and_wait
from ...shared.idempotency import Once, carry_out
from .. import machines
from .recovery_points import require_known
from .sent_files import FilesOnTheWay

ANSWER_SECONDS = 44.0
"""A helper machine boots first: seconds with KVM, and without it as long as this on a busy host."""


class PointFiles:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, machine: str, point_id: str, request: rest.PointFilesList) -> GuestFiles:
        """The files of a folder in the point, or its volumes. Raises NotFound, InvalidArgument,
        NotPossibleNow, ApplianceUnreachable, DeadlineExceeded."""
        guest_paths.meant(request.path)
        with self._parts.store.reading() as tx:
            record = self._existing(tx, machine, point_id)
            target = tx.appliances.find(record.target_appliance_id)
        if target is None:
            raise errors.ApplianceUnreachable(
                f"The appliance that holds the points of {record.name} is gone."
            )
        asked = ListFiles(
            point_id=point_id, path=request.path, after=request.after or "", limit=request.limit
        )
        self._parts.announce()
        [found] = ask_and_wait(self._parts, [target], orders.LIST_FILES, asked, ANSWER_SECONDS, record.id)
        with self._parts.changing():
            return found

    def fetch(
        self,
        machine: str,
        point_id: str,
        request: rest.PointFilesFetch,
        requested_by: str,
        once: Once | None = None,
    ) -> rest.JobAccepted:
        """Start a job that writes files of the point into a folder of the target's host. Raises NotFound,
        InvalidArgument."""
        guest_paths.meant(request.path)

        def submit() -> rest.JobAccepted:
            record = self._existing(tx, machine, point_id)
            job_id = fetch_files.submit(self._parts.deps, tx, record, point_id, request, requested_by)
            return rest.JobAccepted(job_id=job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.JobAccepted, submit)

    def send(self, machine: str, point_id: str, request: rest.PointFilesSend) -> FilesOnTheWay:
        """Have files of the point sent to the caller. The vault keeps nothing of them. Raises NotFound,
        InvalidArgument, NotPossibleNow, ApplianceUnreachable, DeadlineExceeded."""
        guest_paths.meant(request.path)
        with self._parts.store.reading() as tx:
            record = self._existing(tx, machine, point_id)
            target = tx.appliances.find(record.target_appliance_id)

        def payload(way: AwaitedWay) -> SendFiles:
            asked = {"point_id": point_id, "way": way.id, "secret": way.secret}
            return SendFiles(**asked, **request.model_dump())

        way = dialled_ways.dialled(self._parts, target, orders.SEND_FILES, payload, record.id, ANSWER_SECONDS)
        try:
            with self._parts.changing():
                return FilesOnTheWay(self._parts, way, record, point_id, request.path)
        except BaseException:
            dialled_ways.leave(self._parts, way)
            raise

    def _existing(self, tx: Transaction, machine: str, point_id: str) -> MachineRecord:
        record = machines.existing(self._parts, tx, machine)
        require_known(self._parts, tx, record, point_id)
        return record
