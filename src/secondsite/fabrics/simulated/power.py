"""Power of simulated machines: a machine runs while its disks are open in a daemon."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from ...datapath.disks import image
from ...datapath.errors import DatapathError
from ...domain import errors, shell
from ...domain.machines.connecting import Sight
from ..interface import Concern, HeldDisk, HeldResources, MachineSummary, PowerState, Progress, untold
from .host.faults import Faults
from .host.host import Host
from .host.records import MachineRecord


class SimulatedPower:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def state(self, fabric_id: str) -> PowerState:
        with self._faults.around("power.state", fabric_id):
            record = self._host.records.get(fabric_id)
            found = self._host.state(record)
            if record is None or found is not PowerState.OFF:
                return found
            if record.elsewhere:
                return PowerState.ELSEWHERE
            return PowerState.SAVED if record.saved else PowerState.OFF

    def cannot_start(self, fabric_id: str) -> None:
        """It can be tried."""

    def starts_with_host(self, fabric_id: str) -> bool:
        with self._faults.around("power.starts_with_host", fabric_id):
            return self._host.records.need(fabric_id).starts_with_host

    def forbid_start(self, fabric_id: str, tag: str) -> None:
        with self._faults.around("power.forbid_start", fabric_id):
            before = self._host.records.need(fabric_id).wanted_with_host
            self._mark(fabric_id, tag, start_forbidden=True, starts_with_host=False, started_with_host=before)

    def allow_start(self, fabric_id: str, tag: str, *, with_host: bool) -> None:
        with self._faults.around("power.allow_start", fabric_id):
            self._mark(fabric_id, tag, start_forbidden=False, starts_with_host=with_host)

    def _mark(self, fabric_id: str, tag: str, **marks: bool) -> None:
        with self._host.records.lock(fabric_id, "mark"):
            record = self._host.records.need(fabric_id)
            if record.tag != tag:
                raise errors.NotOurs(f"Machine '{record.definition.name}' does not carry our tag.")
            self._host.records.save(record.having(**marks))

    def start(self, fabric_id: str, progress: Progress = untold) -> None:
        with self._faults.around("power.start", fabric_id), self._host.records.lock(fabric_id, "start"):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is PowerState.OFF:
                if record.start_forbidden:
                    raise errors.FabricError(
                        (
                            f"Machine '{record.definition.name}' was failed over, so its start here is "
                            "forbidden."
                        ),
                        do="Cancel the failover or fail back. If it must run here: "
                        "'secondsite machine start-anyway "
                        f"{shell.arguments(record.definition.name, options='--site SITE')}'.",
                    )
                if record.elsewhere:
                    raise errors.FabricError(
                        f"Machine '{record.definition.name}' runs on another host.", do="Migrate it back."
                    )
                self._host.open(record.having(saved=False))

    def stays_defined(self, fabric_id: str) -> bool:
        return True

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Ask the guest to power off: it does so at once, or not within `grace_seconds`."""
        with self._faults.around("power.shut_down", fabric_id):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is PowerState.RUNNING and not record.traits.obeys_shutdown:
                return self._is_off_within(fabric_id, grace_seconds)
            self._close(fabric_id, "shut down")
            return True

    def stop(self, fabric_id: str) -> None:
        with self._faults.around("power.stop", fabric_id):
            self._close(fabric_id, "stop")

    def _close(self, fabric_id: str, purpose: str) -> None:
        try:
            with self._host.records.lock(fabric_id, purpose):
                self._host.close(self._host.records.need(fabric_id))
        except errors.NotFound:
            return

    def _is_off_within(self, fabric_id: str, grace_seconds: float) -> bool:
        deadline = time.monotonic() + grace_seconds
        while self._host.state(self._host.records.get(fabric_id)) is PowerState.RUNNING:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True


# All machines of the simulated site.


class SimulatedInventory:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def list(self) -> Sequence[MachineSummary]:
        with self._faults.around("inventory.list"):
            return [self._summary(record) for record in self._host.records.all()]

    def get(self, fabric_id: str) -> MachineSummary | None:
        with self._faults.around("inventory.get", fabric_id):
            record = self._host.records.get(fabric_id)
            return None if record is None else self._summary(record)

    def running(self) -> frozenset[str]:
        with self._faults.around("inventory.running"):
            return frozenset(
                each.fabric_id for each in self._host.records.all() if self._host.state(each).is_on
            )

    def tag(self, fabric_id: str) -> str | None:
        with self._faults.around("inventory.tag", fabric_id):
            return self._host.records.need(fabric_id).tag

    def holding(self, fabric_id: str) -> HeldResources:
        with self._faults.around("inventory.holding", fabric_id):
            record = self._host.records.need(fabric_id)
            now = self._host.state(record).is_on
            disks = tuple(HeldDisk(each.key, each.path, now, True) for each in record.definition.disks)
            return HeldResources(disks, frozenset(nic.mac.lower() for nic in record.definition.nics))

    def concerns(self, fabric_id: str) -> Sequence[Concern]:
        return ()

    def inside(self, fabric_id: str) -> Sight | None:
        return None

    def beginning(self, fabric_id: str, disk: str, length: int) -> bytes:
        with self._faults.around("inventory.beginning", fabric_id):
            record = self._host.records.need(fabric_id)
            found = next((each for each in record.definition.disks if each.key == disk), None)
            with contextlib.suppress(DatapathError):
                return b"" if found is None else image.beginning(Path(found.path), found.format, length)
            return b""

    def _summary(self, record: MachineRecord) -> MachineSummary:
        return MachineSummary(
            fabric_id=record.fabric_id,
            name=record.definition.name,
            power=self._host.state(record),
            tag=record.tag,
            definition=record.definition.model_copy(update={"starts_with_host": record.wanted_with_host}),
            start_forbidden=record.start_forbidden,
        )
