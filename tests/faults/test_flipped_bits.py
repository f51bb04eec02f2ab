"""One flipped bit: on the line, between digest and line, in the inbox, in a sealed point, in the journal.
Seen, named, and repaired or gone round."""

import random
import uuid
from typing import Any

import pytest

from rig.appliances import DISK_BYTES, EncryptedPair, Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.datapath.channel import connection as channel
from secondsite.datapath.cycles import inbox
from secondsite.datapath.encryption import customer_key
from secondsite.datapath.frames import frame as frames
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import FindInstant, Kind, PointOrder, RunCycle, StartReplica
from tests.support import instants

CHANGED = 256 * KiB

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(180)]


def flipped(data, at=None):
    """The bytes with one bit turned, somewhere or at this byte."""
    turned = bytearray(data)
    turned[random.randrange(len(turned)) if at is None else at] ^= 1 << random.randrange(8)
    return bytes(turned)


def flip_in_file(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(flipped(byte))


def codes(pair):
    return {finding.code for finding in (*pair.source_status().findings, *pair.status().findings)}


def next_point(pair):
    try:
        return pair.point_now()
    except (AssertionError, OrderFailed):
        return None


def whole_again(pair):
    point_id = eventually(lambda: next_point(pair), 60)
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    return point_id


class Turning(Relay):
    """A line that turns one bit of the next long piece that passes, when it is told to."""

    turn = False

    def altered(self, data):
        if self.turn and len(data) > 8 * KiB:
            self.turn = False
            return flipped(data)
        return data


def test_a_bit_that_flips_on_the_line_ends_the_connection_and_the_cycle_goes_again(sites, figure):
    a, b = sites
    line = Turning(b.port)
    pair = Pair(a, b, a.make_machine())
    try:
        pair.protect(target_addresses=(f"127.0.0.1:{line.port}",)).synchronized()
        said: set[str] = set()
        before = line.passed_bytes()
        source = a.appliance.replication.get(pair.machine_id)
        line.turn = True
        with seams.armed(lambda _name: said.update(finding.code for finding in source.findings.all())):
            a.write(pair.fabric_id, 0, noise(CHANGED))
            eventually(lambda: not line.turn, 20)
            whole_again(pair)
        passed = line.passed_bytes() - before
        figure(changed_bytes=CHANGED, passed_bytes=passed)
        assert said & {"peer-unreachable", "peer-refused", "cycle-failed"}
        assert passed < 3 * CHANGED + 64 * KiB
        eventually(lambda: codes(pair) == set(), 15)
    finally:
        line.close()


def test_a_bit_that_flips_after_the_digest_was_made_is_refused_by_the_digest(pair, figure, monkeypatch):
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    send = channel.Connection.send
    turned: list[Any] = []
    said: list[Any] = []

    def sending(connection, frame):
        if frame.kind in frames.CONTENT and len(frame.payload) > 8 * KiB and not turned:
            turned.append(frame)
            frame = frame._replace(payload=flipped(frame.payload))
        send(connection, frame)

    before = pair.source_status().total_wire_bytes
    with seams.armed(lambda _name: said.extend(finding.what for finding in source.findings.all())):
        monkeypatch.setattr(channel.Connection, "send", sending)
        pair.source.write(pair.fabric_id, 0, noise(CHANGED))
        eventually(lambda: turned, 20)
        whole_again(pair)
    figure(changed_bytes=CHANGED, repair_bytes=pair.source_status().total_wire_bytes - before)
    assert any("digest" in what or "frame" in what for what in said), said
    assert pair.source_status().total_wire_bytes - before < 2 * CHANGED
    eventually(lambda: codes(pair) == set(), 15)


def test_a_bit_that_flips_in_the_inbox_is_made_up_for_with_few_bytes(pair, figure):
    pair.source.write(pair.fabric_id, 0, noise(7 * MiB))
    pair.protect().synchronized()
    hosted = pair.target.replica(pair.machine_id)
    said: set[Any] = set()
    with seams.armed(lambda _name: said.update(finding.code for finding in hosted.findings.all())):
        with hosted.lock("a test", 10):
            pair.source.write(pair.fabric_id, 3 * MiB, noise(CHANGED))
            pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
            files = [path for _, _, path in inbox.scan(hosted.replica.files.inbox)]
            path = max(files, key=lambda each: each.stat().st_size)
            flip_in_file(path, path.stat().st_size // 2)
            before = pair.source_status().total_wire_bytes
        whole_again(pair)
        eventually(lambda: codes(pair) == set(), 15)
    sent = pair.source_status().total_wire_bytes - before
    figure(changed_bytes=CHANGED, repair_bytes=sent, disk_bytes=DISK_BYTES)
    assert "replica-damaged" in said
    assert sent < 1 * MiB


MARK = noise(4 * KiB, seed=11)


def test_a_bit_that_flips_in_a_sealed_point_is_named_and_new_points_are_whole(make_site, figure):
    a = make_site("a").start()
    b = make_site("b").start(scrub_rest_seconds=0.1, scrub_bytes_per_second=1 << 30)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(6 * MiB))
    a.write(pair.fabric_id, 1 * MiB, MARK)
    pair.protect().synchronized()
    old = pair.point_now()
    eventually(lambda: next(p for p in pair.status().points if p.id == old).verified_at, 40)
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    before = pair.source_status().total_wire_bytes
    b.stop()
    turn_in_replica(b, pair.machine_id)
    b.start()
    problem = b.order(Kind.VERIFY_POINT, PointOrder(point_id=old), pair.machine_id).problem
    assert problem.code == "point-damaged"
    assert old in problem.message
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    eventually(lambda: was_compared(b, pair.machine_id), 40)
    eventually(lambda: "resynchronizing" not in codes(pair), 40)
    new = whole_again(pair)
    sent = pair.source_status().total_wire_bytes - before
    figure(disk_bytes=DISK_BYTES, repair_bytes=sent)
    assert sent < 1 * MiB
    damaged = {point.id for point in pair.status().points if point.damaged}
    assert old in damaged
    assert new not in damaged


def was_compared(site, machine_id):
    """The scrubber asked for a comparison, and a cycle came that makes it."""
    hosted = site.replica(machine_id)
    verdicts = hosted.verdicts
    return not verdicts.wants_comparison and not verdicts.needs_repair(hosted.points)


def turn_in_replica(site, machine_id):
    """One bit in every file of the replica that holds MARK, in its middle."""
    turned = 0
    for path in (site.config.store / "replicas" / machine_id / "disks").rglob("*.qcow2"):
        at = path.read_bytes().find(MARK)
        if at >= 0:
            flip_in_file(path, at + len(MARK) // 2)
            turned += 1
    assert turned


def drill_of(instant):
    return StartReplica(
        run="drill",
        point_id=instant.point_id,
        fabric_id=str(uuid.uuid4()),
        name="drill",
        forward=instant.forward,
    )


@pytest.mark.parametrize("pair_of", [Pair, EncryptedPair])
def test_a_bit_that_flips_in_the_journal_is_named_and_nothing_that_needs_it_is_offered(
    make_site, tmp_path, pair_of
):
    a, b = make_site("a").start(), make_site("b")
    b.keep_key(customer_key.make(tmp_path / "key").path)
    b.start(scrub_rest_seconds=0.1, scrub_bytes_per_second=1 << 30, scrub_journal_again_seconds=0)
    pair = pair_of(a, b, a.make_machine())
    pair.protect().synchronized()
    written = instants.write(pair, 3)
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    kept = b.replica(pair.machine_id).replica.journal
    whole = instants.find(pair, written[0][0])
    needs = instants.find(pair, written[1][0])
    rotten = next(entry for entry in kept.entries() if entry.seq == needs.forward.seq)
    path = kept.path(rotten)
    flip_in_file(path, path.stat().st_size // 2)
    finding = eventually(lambda: [f for f in pair.status().findings if f.code == "journal-damaged"], 20)[0]
    assert rotten.name in finding.what
    assert f"{rotten.taken_at:%H:%M:%S}" in finding.what
    assert not path.exists()

    for at in (rotten.taken_at, written[1][0], written[2][0]):
        problem = pair.target.order(Kind.FIND_INSTANT, FindInstant(at=at), pair.machine_id).problem
        assert problem.code == "not-found"
        assert "possible is any cycle from" in problem.message
    assert all(stretch.ends_at < rotten.taken_at for stretch in pair.status().journal)
    assert instants.find(pair, whole.taken_at) == whole
    assert instants.drilled(pair, whole) == written[0][1]
    refused = pair.target.order(Kind.START_REPLICA, drill_of(needs), pair.machine_id).problem
    assert "does not lead" in refused.message

    b.stop()
    b.start()
    assert "journal-damaged" in codes(pair)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.point_now()
    ((at, content),) = instants.write(pair, 1)
    assert instants.drilled(pair, instants.find(pair, at)) == content
    assert "journal-damaged" in codes(pair)
    assert {point.damaged for point in pair.status().points} == {False}
