"""Two sites of the simulated fabric with an appliance process each: the whole data path, no vault in the way."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from rig import processes
from secondsite.appliance.config import ApplianceConfig
from secondsite.fabrics import simulated
from secondsite.wire.orders import Drain, Kind, RemoveReplica, RunCycle, StopReplication
from secondsite.wire.replication import GroupShape, PolicyShape, ReplicaSetup, SourceSetup, SyncMode

ANSWER_SECONDS = 120.0


class NotMeasured(Exception):
    """Something that a figure needs did not come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site's processes run: their address, and what their commands begin with."""

    address: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()


HERE = Place()


class Site:
    """One site: folder, fabric, appliance process."""

    def __init__(self, folder: Path, name: str, ca: trustme.CA, place: Place) -> None:
        self.folder = folder / name
        self.place = place
        self.appliance_id = f"appliance-{name}"
        self.root = self.folder / "fabric"
        self.fabric = simulated.open_fabric(self.root)
        self.port = processes.free_port()
        self._config = ApplianceConfig(
            appliance_id=self.appliance_id, name=name, site=name, home=self.folder / "home",
            store=self.folder / "store", scratch=self.folder / "scratch", listen_host=place.address,
            listen_port=self.port,
        )  # fmt: skip
        self._issue(ca)
        self._process = self._start()
        try:
            self._expect()
        except BaseException:
            self.close()
            raise

    def _issue(self, ca: trustme.CA) -> None:
        issued = ca.issue_cert("localhost", common_name=self.appliance_id)
        self._config.ca.parent.mkdir(parents=True)
        ca.cert_pem.write_to_path(str(self._config.ca))
        issued.private_key_pem.write_to_path(str(self._config.key))
        self._config.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))

    def _start(self) -> subprocess.Popen[bytes]:
        told = self.folder / "appliance.json"
        told.write_text(self._config.model_dump_json())
        with (self.folder / "appliance.log").open("wb") as log:
            return subprocess.Popen(
                [
                    *self.place.prefix,
                    sys.executable,
                    "-m",
                    "bench.support.site_process",
                    str(told),
                    str(self.root),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=processes.environment(),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def data_address(self) -> str:
        """host:port of the appliance."""
        return f"{self.place.address}:{self.port}"

    def close(self) -> None:
        """Nothing of the site stays but its files."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self.fabric.close()
        simulated.demolish(self.root)

    # -- the vault's hand ----------------------------------------------------------------------------------

    def do(self, kind: Kind, payload: Any, machine_id: str, deadline_seconds: float = 60) -> dict[str, Any]:
        """Carry an order out; its facts."""
        body = payload.model_dump(mode="json") if payload is not None else {}
        request = {"kind": kind, "payload": body, "deadline_seconds": deadline_seconds}
        answer = self._request({"ask": "order", "machine_id": machine_id, **request})
        if answer.get("problem"):
            raise NotMeasured(f"the order {kind} failed: {answer['problem']}")
        return dict(answer["facts"])

    def ask(self, what: str, machine_id: str) -> dict[str, Any]:
        """How a machine stands: as 'source' or as 'replica'."""
        return self._request({"ask": what, "machine_id": machine_id})

    def common_point(self, group: GroupShape, budget_seconds: float) -> dict[str, Any]:
        """Take a common point now; its set id, the reason when there is none, and the pause."""
        shape = group.model_dump(mode="json")
        return self._request(
            {"ask": "common_point", "machine_id": "", "group": shape, "budget": budget_seconds}
        )

    def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._expect()

    def _expect(self) -> dict[str, Any]:
        """The next answer. The stream is read unbuffered, so that waiting for it can have a deadline."""
        assert self._process.stdout is not None
        line = b""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                log = (self.folder / "appliance.log").read_text(errors="replace")[-2000:]
                raise NotMeasured(f"{self.appliance_id} gave no answer; its log ends:\n{log}")
            line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer


class Sites:
    """Both sites in a folder of their own, at places of their own; `with` ends and removes everything."""

    def __init__(self, places: Mapping[str, Place] | None = None) -> None:
        self._places = places or {}

    def __enter__(self) -> Self:
        self.folder = Path(
            tempfile.mkdtemp(prefix="secondsite-bench-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        )
        ca = trustme.CA()
        self._made: list[Site] = []
        try:
            for name in ("a", "b"):
                self._made.append(Site(self.folder, name, ca, self._places.get(name, Place())))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.a, self.b = self._made
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for site in self._made:
            site.close()
        # a site that had to be killed leaves its storage daemon
        processes.kill_all(processes.of_folder(self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)


class Machine:
    """A machine of site a, replicated to site b under a new id each time it is protected."""

    def __init__(
        self,
        sites: Sites,
        name: str,
        disks_bytes: Sequence[int],
        content: Callable[[Path], None] | None = None,
    ) -> None:
        """`content` gets the path of the first disk while the machine is off."""
        self.sites, self.name = sites, name
        self.fabric_id = simulated.make_machine(sites.a.root, name, disks_bytes)
        if content is not None:
            content(self.disk)
        sites.a.fabric.power.start(self.fabric_id)
        self.machine_id = ""

    @property
    def definition(self) -> Any:
        found = self.sites.a.fabric.inventory.get(self.fabric_id)
        if found is None:
            raise NotMeasured(f"the simulated host does not know {self.name}")
        return found.definition

    @property
    def disk(self) -> Path:
        return Path(self.definition.disks[0].path)

    def protect(self, policy: PolicyShape) -> None:
        """Prepare the replica and begin; `synchronized` waits for the end of initial replication."""
        self.machine_id = uuid.uuid4().hex
        definition = self.definition
        disks = tuple(disk.key for disk in definition.disks)
        a, b = self.sites.a, self.sites.b
        replica = ReplicaSetup(
            machine_id=self.machine_id, machine_name=self.name, epoch=1, definition=definition, disks=disks,
            source_appliance_id=a.appliance_id, policy=policy,
        )  # fmt: skip
        source = SourceSetup(
            machine_id=self.machine_id, machine_name=self.name, fabric_id=self.fabric_id, epoch=1, disks=disks,
            target_appliance_id=b.appliance_id, target_addresses=(b.data_address,), policy=policy,
            sync=SyncMode.COPY,
        )  # fmt: skip
        b.do(Kind.PREPARE_REPLICA, replica, self.machine_id)
        a.do(Kind.START_REPLICATION, source, self.machine_id)

    def synchronized(self, within_seconds: float = 90) -> None:
        """Return when the first point is sealed at the target."""
        deadline = time.monotonic() + within_seconds
        while not self.replica()["synchronized"]:
            if time.monotonic() > deadline:
                raise NotMeasured(f"{self.name} was not synchronized in {within_seconds} s: {self.source()}")
            time.sleep(0.02)

    def source(self) -> dict[str, Any]:
        return self.sites.a.ask("source", self.machine_id)

    def replica(self) -> dict[str, Any]:
        return self.sites.b.ask("replica", self.machine_id)

    def pause(self) -> None:
        """The loop rests; what comes are the cycles that are ordered."""
        self.sites.a.do(Kind.PAUSE_REPLICATION, None, self.machine_id)

    def cycle_with_point(self) -> dict[str, Any]:
        """One cycle, applied and its point sealed; the cycle's facts."""
        facts = self.sites.a.do(Kind.RUN_CYCLE, RunCycle(), self.machine_id)
        self.sites.b.do(Kind.DRAIN, Drain(at_least_seq=facts["seq"]), self.machine_id)
        return facts

    def forget(self) -> None:
        """End the protection; the replica's files go."""
        self.sites.a.do(Kind.STOP_REPLICATION, StopReplication(forget=True), self.machine_id)
        self.sites.b.do(Kind.REMOVE_REPLICA, RemoveReplica(), self.machine_id)
