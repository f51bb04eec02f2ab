"""A source with a valid certificate sends what no source sends: that one cycle is refused, and everything
else goes on."""

import json
import threading
import tracemalloc
from typing import Any

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.control.reporter import Reporter
from secondsite.datapath import channel
from secondsite.datapath.channel import messages
from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.errors import DatapathError, PeerRefused
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.frame import Kind as FrameKind
from secondsite.datapath.replica import Replica
from secondsite.datapath.replica.record.manifest import digest_of
from secondsite.ground.units import MiB, TiB
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow

NESTED: Any = []
for _ in range(60):
    NESTED = [NESTED]
IN_THE_POINT: dict[str, dict[str, Any]] = {
    "an evil consistency": {"consistency": "evil"},
    "a consistency that is a list": {"consistency": ["crash"]},
    "a set id that is a path": {"set_id": "../../../etc/cron.d/x"},
    "a set id of 10^30": {"set_id": 10**30},
    "a point id that is a path": {"point_id": "../../evil"},
    "a definition that is text": {"definition": "<domain/>"},
    "a definition without a name": {"definition": {"vcpus": 1}},
    "a definition with NaN": {"definition": {"vcpus": float("nan")}},
    "a definition of sixty levels": {"definition": {"a": NESTED}},
    "half a surrogate pair": {"machine_name": "\ud800"},
    "a mebibyte more": {"later": "x" * MiB},
}
IN_THE_HEADER: dict[str, dict[str, Any]] = {
    "yesterday": {"taken_at": "yesterday"},
    "a time without a zone": {"taken_at": "2026-11-21T08:00:00"},
    "the year 1": {"taken_at": "0001-01-01T00:00:00+00:00"},
    "the year 9999": {"taken_at": "9999-12-31T23:59:59+00:00"},
    "a size of 10^30": {"disks": [{"key": "vda", "size_bytes": 10**30}]},
    "a size of NaN": {"disks": [{"key": "vda", "size_bytes": float("nan")}]},
    "a disk twice": {"disks": [{"key": "vda", "size_bytes": 8 * MiB}] * 2},
    "a number of 10^30": {"seq": 10**30},
    "a pass that is a list": {"sync": [1]},
}


class HostileSource:
    """Speaks with the certificate of the pair's source; its cycles have no frames."""

    def __init__(self, pair: Pair[Any]) -> None:
        self.pair = pair
        state = pair.target.replica(pair.machine_id).replica.state
        self.seq = state.processed_seq + 1

    def header(self, changes=(), in_the_point=()) -> dict[str, Any]:
        point = {
            "point_id": f"hostile-{self.seq}", "consistency": "crash", "machine_name": "web01",
            "definition": self.pair.definition().model_dump(mode="json"),
        }  # fmt: skip
        disks = [{"key": "vda", "size_bytes": 8 * MiB}]
        values = {"machine_id": self.pair.machine_id, "epoch": 1, "seq": self.seq, "base_seq": self.seq - 1}
        values |= {
            "taken_at": "2026-11-21T08:00:00+00:00",
            "disks": disks,
            "point": {**point, **dict(in_the_point)},
        }
        return {**values, **dict(changes)}

    def dial(self) -> channel.Connection:
        tls = self.pair.source.appliance.peers.tls
        return channel.dial("127.0.0.1", self.pair.target.port, tls)

    def send(self, header: dict[str, Any]) -> None:
        with self.dial() as connection:
            connection.send(
                codec.encode_plain(FrameKind.MESSAGE, json.dumps({"is": "BEGIN", "header": header}).encode())
            )
            connection.receive_message("ACCEPT")
            connection.send_message("END", frames=0, digest="99aa06d3014798d86001c324468d497f")
            connection.receive_message("ACK", within_seconds=20)


@pytest.fixture
def neighbour(sites):
    """Another machine with the same target."""
    a, b = sites
    other = Pair(a, b, a.make_machine("db01"), name="db01").protect().synchronized()
    other.pause()
    return other


@pytest.fixture
def paused(pair):
    pair.protect().synchronized()
    pair.pause()
    return pair


def points_of(pair):
    return [point.id for point in pair.status().points]


def goes_on(pair):
    """A cycle of the true source arrives, and its point is what its disk holds."""
    pair.source.write(pair.fabric_id, MiB, noise(MiB))
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def told(site) -> list[str]:
    """The machines in a report of the site's whole status."""
    appliance = site.appliance
    reporter = Reporter(appliance.replication, appliance.host, appliance.desk.generations)
    return [each.machine_id for status in reporter.next() for each in status.replicas]


def again(site):
    site.stop()
    site.start()


def test_a_hostile_value_refuses_one_cycle_and_nothing_else(paused, neighbour):
    """The review's attack, before and after a restart of the target."""
    before = points_of(paused)
    for name, changes in {**IN_THE_HEADER, **IN_THE_POINT}.items():
        hostile = HostileSource(paused)
        kind = "changes" if name in IN_THE_HEADER else "in_the_point"
        with pytest.raises(DatapathError) as refused:
            hostile.send(hostile.header(**{kind: changes}))
        assert len(str(refused.value)) < 2000, name
    assert points_of(paused) == before
    assert {paused.machine_id, neighbour.machine_id} <= set(told(paused.target))
    again(paused.target)
    assert points_of(paused) == before
    assert {paused.machine_id, neighbour.machine_id} <= set(told(paused.target))
    goes_on(paused)
    goes_on(neighbour)


def test_a_refused_value_is_named_at_both_sides_until_an_honest_cycle_comes(paused):
    hostile = HostileSource(paused)
    with pytest.raises(PeerRefused, match="crash, app") as refused:
        hostile.send(hostile.header(in_the_point={"consistency": "evil"}))
    assert refused.value.code == "protocol-violated"
    [finding] = paused.status().findings
    assert finding.code == "cycle-not-understood"
    assert "evil" in finding.what
    goes_on(paused)
    assert not paused.status().findings


def test_a_stranger_to_the_machine_makes_no_finding_of_it(paused, make_site):
    c = make_site("c").start()
    with channel.dial("127.0.0.1", paused.target.port, c.appliance.peers.tls) as connection:
        connection.send_message("BEGIN", header={"machine_id": paused.machine_id})
        with pytest.raises(PeerRefused):
            connection.receive_message("ACCEPT")
    assert not paused.status().findings


def poisoned(path, **changes):
    """A file of a replica as a former release wrote it from what a source said."""
    body = json.loads(path.read_bytes())
    body.pop("sha256")
    body |= changes
    path.write_text(json.dumps({**body, "sha256": digest_of(body)}))


def test_what_a_former_release_kept_is_left_out_and_told(paused, neighbour):
    """A point with `evil`, one taken `yesterday`, and the time of the newest cycle: after the restart the
    others are there."""
    for _ in range(3):
        paused.point_now(point=True)
    whole = points_of(paused)
    paused.target.stop()
    folder = paused.target.replica_folder(paused.machine_id)
    poisoned(folder / "points" / f"{whole[1]}.json", consistency="evil")
    poisoned(folder / "points" / f"{whole[2]}.json", taken_at="yesterday")
    poisoned(folder / "points" / f"{whole[3]}.json", definition={"vcpus": "many"})
    poisoned(folder / "replica.json", processed_taken_at="yesterday")
    paused.target.start()
    assert points_of(paused) == [whole[0], whole[3]]
    [finding] = [each for each in paused.status().findings if each.code == "replica-damaged"]
    assert whole[1] in finding.what
    assert whole[2] in finding.what
    assert {paused.machine_id, neighbour.machine_id} <= set(told(paused.target))
    goes_on(neighbour)
    goes_on(paused)
    paused.source.write(paused.fabric_id, 0, noise(MiB))
    paused.cycle_now(seal=True)
    assert paused.point_bytes(points_of(paused)[-1]) == paused.source.read(paused.fabric_id)


def test_a_cycle_that_a_former_release_received_does_not_hold_up_the_inbox(paused):
    hosted, hostile = paused.target.replica(paused.machine_id), HostileSource(paused)
    header = hostile.header({"taken_at": "yesterday"})
    paused.target.stop()
    inbox = hosted.replica.files.inbox
    path = inbox / f"1-{hostile.seq}.cycle"
    said = messages.encode("BEGIN", {"header": header, **header})
    end = messages.encode("END", {"frames": 0, "digest": "99aa06d3014798d86001c324468d497f"})
    path.write_bytes(cycle_file.MAGIC + b"".join(each.head + bytes(each.payload) for each in (said, end)))
    paused.target.start()
    eventually(lambda: not path.exists(), 20)
    [finding] = paused.status().findings
    assert finding.code == "replica-damaged"
    assert "yesterday" in finding.what
    goes_on(paused)


def test_a_disk_that_grows_by_more_than_the_store_can_hold_is_refused_and_others_go_on(paused, neighbour):
    """32 TiB held an applier for 23 s, and there are two."""
    hostile = HostileSource(paused)
    with pytest.raises(PeerRefused, match=r"grew by 35\.2 TB") as refused:
        hostile.send(hostile.header({"disks": [{"key": "vda", "size_bytes": 32 * TiB}]}))
    assert refused.value.code == "disk-too-large"
    assert paused.target.replica(paused.machine_id).replica.state.disks[0].size_bytes == 8 * MiB
    goes_on(neighbour)
    goes_on(paused)


QUESTIONS: list[dict[str, Any]] = [
    {"disk": 0, "offset": 0, "length": 4 * TiB}, {"disk": 0, "offset": -65536, "length": 65536},
    {"disk": 0, "offset": 0, "length": 10**18},
    {"disk": -1, "offset": 0, "length": 1}, {"disk": "0", "offset": 0, "length": 1},
    {"disk": 0.0, "offset": 0, "length": 1},
    {"disk": 0, "offset": 0, "length": True}, {"disk": 0, "length": 1},
]  # fmt: skip


def test_a_question_about_more_than_the_disk_has_is_refused_without_memory(paused):
    for question in QUESTIONS:
        hostile = HostileSource(paused)
        tracemalloc.start()
        try:
            with hostile.dial() as connection:
                connection.send_message("BEGIN", header=hostile.header())
                connection.receive_message("ACCEPT")
                connection.send_message("DIGESTS", **question)
                with pytest.raises(PeerRefused, match="names no part of a disk"):
                    connection.receive_message("ACK", within_seconds=10)
            assert tracemalloc.get_traced_memory()[1] < 32 * MiB
        finally:
            tracemalloc.stop()
    goes_on(paused)


def test_a_source_whose_cycles_take_long_does_not_keep_those_of_another_waiting(
    paused, make_site, monkeypatch
):
    """Both workers are busy with site a's; a cycle of site c is applied all the same."""
    a, b, c = paused.source, paused.target, make_site("c").start()
    slow = [
        Pair(a, b, a.make_machine(name), name=name).protect().synchronized()
        for name in ("slow1", "slow2", "slow3")
    ]
    other = Pair(c, b, c.make_machine("other"), name="other").protect().synchronized()
    for each in (*slow, other):
        each.pause()
    held, apply = threading.Event(), Replica.apply
    stuck: list[str] = []

    def stall(self: Replica, *what: Any, **named: Any) -> Any:
        if self.state.machine_id != other.machine_id:
            stuck.append(self.state.machine_id)
            held.wait(60)
        return apply(self, *what, **named)

    monkeypatch.setattr(Replica, "apply", stall)
    for each in slow:
        each.source.write(each.fabric_id, 0, noise(MiB))
        each.source.do(Kind.RUN_CYCLE, RunCycle(), each.machine_id, deadline_seconds=60)
    eventually(lambda: len(stuck) >= b.config.appliers)
    try:
        goes_on_by_itself(other)
    finally:
        held.set()


def goes_on_by_itself(pair):
    """The workers apply it: no order does."""
    hosted = pair.target.replica(pair.machine_id)
    before = hosted.replica.state.processed_seq
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, deadline_seconds=60)
    eventually(lambda: hosted.replica.state.processed_seq > before, 10)
