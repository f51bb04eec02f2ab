"""Instants between two points of a Pair: written, found and drilled."""

import uuid
from datetime import UTC, datetime

from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import FindInstant, InstantFact, Kind, StartReplica, StopReplica


def now():
    return datetime.now(UTC)


def until_processed(pair, since):
    eventually(lambda: (pair.status().processed_at or since) > since, 30)


def write(pair, count, size_bytes=64 * KiB, offset=1 * MiB):
    """The guest writes; gives an instant after each write that a cycle has covered, and what the disk then
    held."""
    written = []
    for number in range(count):
        pair.source.write(pair.fabric_id, offset + number * 16 * KiB, noise(size_bytes))
        until_processed(pair, now())
        written.append((now(), pair.source.read(pair.fabric_id)))
        until_processed(pair, now())
    return written


def find(pair, at):
    return InstantFact.model_validate(pair.target.do(Kind.FIND_INSTANT, FindInstant(at=at), pair.machine_id))


def start(pair, run, instant, **more):
    payload = StartReplica(
        run=run, point_id=instant.point_id, fabric_id=str(uuid.uuid4()), name=f"{pair.name}-{run}",
        forward=instant.forward, **more,
    )  # fmt: skip
    return pair.target.do(Kind.START_REPLICA, payload, pair.machine_id)


def drilled(pair, instant, key="vda"):
    """What a drill of the instant finds on the disk."""
    fact = start(pair, "drill", instant)
    try:
        assert datetime.fromisoformat(fact["taken_at"]) == instant.taken_at
        return pair.target.read(fact["fabric_id"], key)
    finally:
        pair.target.do(
            Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=fact["fabric_id"]), pair.machine_id
        )
