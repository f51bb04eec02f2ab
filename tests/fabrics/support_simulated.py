"""A replica made from deltas, by a process that may be killed at any instant: `python -m ... ROOT ID
REPLICA`."""

import contextlib
import json
import secrets
import sys
from pathlib import Path

import nbd

from secondsite.datapath.disks import image
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.fabrics import simulated
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, SessionRequest
from secondsite.ground.units import MiB


def request(root, fabric_id, base=None, keys=("vda",), **more):
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    return SessionRequest(fabric_id, keys, base, f"secondsite-1-{secrets.token_hex(6)}", scratch, **more)


def cycle(fabric, root, fabric_id, replica):
    """Bring the replica file up to one more instant; its base is durable beside it."""
    state, base = _base(replica)
    with fabric.tracking.open(request(root, fabric_id, base)) as session:
        disk = session.disks[0]
        blocks = steps.dirty_blocks(disk) if disk.bitmaps else set(range(disk.size_bytes // BLOCK_BYTES))
        with replica.open("r+b") as target, reading(disk) as read:
            for block in sorted(blocks):
                target.seek(block * BLOCK_BYTES)
                target.write(read(block * BLOCK_BYTES, BLOCK_BYTES))
    base = session.checkpoint or base
    fresh = state.with_suffix(".new")
    fresh.write_text(json.dumps(base))
    fresh.rename(state)
    fabric.tracking.acknowledge(fabric_id, base)
    return len(blocks)


def _base(replica):
    state = replica.with_suffix(".base")
    return state, json.loads(state.read_text()) if state.exists() else None


def knows_its_base(fabric, root, fabric_id, replica):
    """Whether the next cycle would read only what has changed."""
    _state, base = _base(replica)
    with fabric.tracking.open(request(root, fabric_id, base)) as session:
        return bool(session.disks[0].bitmaps)


@contextlib.contextmanager
def reading(disk):
    handle = nbd.NBD()
    handle.set_export_name(disk.export)
    handle.connect_unix(str(disk.socket))
    yield lambda offset, length: bytes(handle.pread(length, offset))
    handle.shutdown()


def content(fabric, root, fabric_id):
    with fabric.tracking.open(request(root, fabric_id)) as session:
        return steps.content(session.disks[0])


def started(fabric, name, size_bytes=4 * MiB, **traits):
    fabric_id = simulated.make_machine(fabric.root, name, [size_bytes], **traits)
    fabric.power.start(fabric_id)
    return fabric_id


def home_again(fabric, name):
    """A machine on an overlay over its original disk: 'a' in the original, 'b' above."""
    fabric_id = started(fabric, name, own_daemon=False)
    write(fabric, fabric_id, 0, b"a" * 4096)
    fabric.power.stop(fabric_id)
    fabric.tracking.enable(fabric_id, "tag")
    definition = fabric.hosting.withdraw(fabric_id, "tag")
    original = Path(definition.disks[0].path)
    overlay = original.with_name("overlay.qcow2")
    image.create_overlay(overlay, original, "qcow2", 4 * MiB)
    fabric.hosting.create(HostRequest(fabric_id, name, definition, {"vda": overlay}, {}, "tag"))
    fabric.power.start(fabric_id)
    write(fabric, fabric_id, 4096, b"b" * 4096)
    return fabric_id, original


def write(fabric, fabric_id, offset, data):
    with simulated.Guest(fabric.root, fabric_id) as guest:
        guest.write("vda", offset, data)
        guest.flush("vda")


def main():
    root, fabric_id, replica = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    fabric = simulated.open_fabric(root)
    while True:
        cycle(fabric, root, fabric_id, replica)
        print("cycle", flush=True)


if __name__ == "__main__":
    main()
