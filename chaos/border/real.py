"""Real inputs, as honest peers send them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from secondsite.datapath.frames import EncodedFrame, codec, packed_frame
from secondsite.datapath.frames.compression import Choice
from secondsite.ground.units import KiB, MiB
from secondsite.wire import control
from secondsite.wire.common.base import Problem
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.common.points import JournalStretch, PointShape
from secondsite.wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "fabric_id": "f1", "name": "web01", "fabric_kind": "simulated", "vcpus": 2, "memory_bytes": 2 * MiB,
    "firmware": "uefi",
    "disks": [{"key": "vda", "size_bytes": 8 * MiB, "path": "/x", "format": "qcow2", "bus": "virtio",
    "boot_order": 1}],
    "nics": [{"key": "net0", "mac": "52:54:00:00:00:01", "network": "lan", "model": "virtio"}],
    "native": "<domain/>",
}  # fmt: skip
HEADER: dict[str, Any] = {
    "machine_id": "web01", "epoch": 1, "seq": 4, "base_seq": 3, "taken_at": "2026-11-20T08:00:00+00:00",
    "disks": [{"key": "vda", "size_bytes": 8 * MiB}, {"key": "vdb", "size_bytes": MiB}], "sync": {"vda": MiB},
    "apart": ["vdb"],
    "point": {
        "point_id": "20261120T080000Z-1.4", "consistency": "app", "reason": "x", "machine_name": "web01",
        "set_id": "shop-20261120T080000.000000Z", "definition": DEFINITION,
    },
    "firmware": [{"name": "nvram", "sha256": "0" * 64, "size_bytes": 3, "packed": "AAAA"}],
}  # fmt: skip


def encoded(dice: Random) -> Sequence[EncodedFrame]:
    """Frames of all kinds that write."""
    noise, text, small = dice.randbytes(64 * KiB), b"text" * (64 * KiB), memoryview(dice.randbytes(512))
    ranges = [(4096 * number, len(small), small if number % 3 else None) for number in range(9)]
    frames = [*codec.encode(Choice(), 0, 0, noise), *codec.encode(Choice(), 0, MiB, text)]
    return [*frames, codec.encode_zero(1, 0, MiB), packed_frame.encode(0, ranges)]


def messages() -> list[dict[str, Any]]:
    """What an appliance and a vault say to each other."""
    finding = FindingShape(code="cycle-failed", what="x", since=NOW)
    point = PointShape(id="p1", taken_at=NOW, epoch=1, seq=4, sealed_at=NOW, disks=("vda",), set_id="s")
    source = SourceStatus(
        machine_id="m1", epoch=1, power="running", running=True, last_seq=4, sent_at=NOW, findings=(finding,)
    )
    stretch = JournalStretch(begins_at=NOW, ends_at=NOW, cycles=3)
    replica = ReplicaStatus(
        machine_id="m1", epoch=1, accepting=True, synchronized=True, points=(point,), journal=(stretch,),
        processed_seq=4,
        processed_at=NOW, runs=("drill",), findings=(finding,),
    )  # fmt: skip
    old = OldCopyStatus(machine_id="m1", power="off")
    problem = Problem(code="not-found", message="x", do="y")
    said = [
        control.Hello(
            appliance_id="a",
            site="a",
            version="1",
            fabric_kind="x",
            accelerated=False,
            data_addresses=("h:1",),
        ),
        control.Status(
            sources=(source,), replicas=(replica,), old_copies=(old,), at=NOW, generations={"m1": 3}
        ),
        control.Report(
            order_id="o1", machine_id="m1", sentence="x", facts={"points": [point.model_dump(mode="json")]}
        ),
        control.Report(order_id="o1", problem=problem),
        control.Progress(order_id="o1", fraction=0.5, sentence="x"),
        control.Renew(csr_pem="x"),
        control.Order(
            order_id="o1", kind="drain", machine_id="m1", payload={"seal": True}, generation=3, given_at=NOW
        ),
        control.Welcome(vault_time=NOW, vault_number=3),
    ]
    return [each.model_dump(mode="json") for each in said]
