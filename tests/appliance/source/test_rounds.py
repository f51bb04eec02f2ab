"""Machines that rest: their source says of many at once that they wrote nothing, and the target has that
on record."""

import contextlib
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import Pair, policy
from rig.appliances.runs import close
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source import machine as machines
from secondsite.datapath import transfer
from secondsite.datapath.channel import handshake
from secondsite.datapath.errors import PeerRefused, PeerUnreachable
from secondsite.datapath.transfer import UnchangedState
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Drain, Kind
from tests.support.instants import drilled, find, now, until_processed

pytestmark = pytest.mark.slow

NO_WORDS: tuple[object, ...] = (
    None, 7, [[]], [{"machine_id": "../x", "epoch": 1, "seq": 1, "taken_at": "now"}], [{}] * 1000,
)  # fmt: skip
FIRMWARE = {"nvram": b"variables" * 999}


@pytest.fixture
def resting(pair):
    """A pair whose machine rests."""
    pair.protect().synchronized()
    until_resting(pair)
    return pair


def source(pair):
    return pair.source.appliance.replication.get(pair.machine_id)


def until_resting(pair):
    eventually(lambda: source(pair).rests, 20)


def another_cycle(pair, after=lambda: None):
    before = pair.status().processed_seq
    after()
    eventually(lambda: pair.status().processed_seq > before, 20)


def told(monkeypatch):
    """Every list of machines that a target is told of from now on."""
    tell, all_told = transfer.tell, []

    def counted(connection, said):
        all_told.append(list(said))
        return tell(connection, said)

    monkeypatch.setattr(transfer, "tell", counted)
    return all_told


def test_the_second_site_is_as_new_as_the_last_word_although_no_cycle_came(resting):
    seq = resting.status().processed_seq
    for _ in range(3):
        until_processed(resting, now())
    assert resting.status().processed_seq == resting.source_status().last_seq == seq
    eventually(lambda: resting.source_status().sent_at >= resting.status().processed_at)
    assert resting.source_status().findings == ()


def test_many_machines_are_told_of_in_one_message(sites, monkeypatch):
    a, b = sites
    pairs = [Pair(a, b, a.make_machine(f"web{n}"), name=f"web{n}").protect() for n in range(6)]
    for pair in pairs:
        pair.synchronized()
        until_resting(pair)
    messages = told(monkeypatch)
    eventually(lambda: any(len(each) == len(pairs) for each in messages), 20)
    assert {each.machine_id for each in messages[-1]} <= {pair.machine_id for pair in pairs}


def test_what_a_resting_machine_writes_is_at_the_second_site_with_its_next_cycle(resting):
    for number in range(5):
        content = noise(4096, seed=number)
        resting.source.write(resting.fabric_id, number * MiB, content)
        until_processed(resting, now())
        resting.target.do(Kind.DRAIN, Drain(), resting.machine_id)
        newest = resting.status().points[-1]
        assert resting.point_bytes(newest.id) == resting.source.read(resting.fabric_id)
        until_resting(resting)


def test_what_was_noted_survives_the_target_s_restart_and_is_void_after_the_next_cycle(resting):
    resting.pause()
    at = resting.status().processed_at
    resting.target.restart()
    assert resting.status().processed_at == at
    resting.source.write(resting.fabric_id, 0, noise(4096))
    resting.cycle_now()
    state = resting.target.replica(resting.machine_id).replica.state
    assert resting.status().processed_at.isoformat() == state.processed_taken_at > at.isoformat()


def test_machines_go_on_resting_while_their_target_is_away_and_are_told_of_together_once_it_is_back(
    resting, monkeypatch
):
    """Of 1,000 each had a cycle of its own before it rested again: the last was minutes late."""
    resting.target.stop()
    eventually(lambda: source(resting).unreached, 20)
    assert [each.code for each in resting.source_status().findings] == ["peer-unreachable"]
    cycles, own = resting.source.appliance.replication.cycles, []
    run = cycles.run

    def counted(one, *request, **more):
        own.append(one.unreached)
        return run(one, *request, **more)

    monkeypatch.setattr(cycles, "run", counted)
    messages = told(monkeypatch)
    failed_at = source(resting).started
    eventually(lambda: source(resting).due > failed_at + source(resting).pause_seconds, 20)
    assert source(resting).rests
    at = now()
    resting.target.start()
    until_processed(resting, at)
    assert messages
    assert not any(own), "no machine dials a peer that is away by itself"
    eventually(lambda: resting.source_status().findings == (), 20)


def test_what_is_written_while_the_target_is_away_comes_with_the_first_cycle_after_that(resting):
    resting.target.stop()
    eventually(lambda: source(resting).unreached, 20)
    content = noise(4096)
    resting.source.write(resting.fabric_id, 0, content)
    at = now()
    resting.target.start()
    until_processed(resting, at)
    until_resting(resting)
    resting.target.do(Kind.DRAIN, Drain(), resting.machine_id)
    assert resting.point_bytes(resting.status().points[-1].id) == resting.source.read(resting.fabric_id)


def test_a_note_of_a_cycle_that_both_sites_lost_is_void_when_its_number_comes_again(resting):
    """The target's store and the source's home were put back, the target's database was not."""
    resting.pause()
    hosted, number = resting.target.replica(resting.machine_id), source(resting).progress.next_seq
    hosted.unchanged = UnchangedState(resting.machine_id, resting.epoch, number, now().isoformat())
    resting.target.appliance.state.put_unchanged([hosted.unchanged])
    resting.source.write(resting.fabric_id, 0, noise(4096))
    written_at = now()
    resting.cycle_now()
    assert resting.status().processed_seq == number
    assert resting.status().processed_at > written_at
    resting.target.restart()
    assert resting.status().processed_at > written_at


def test_a_point_of_what_came_last_is_of_the_instant_until_which_nothing_else_was_written(resting):
    resting.source.write(resting.fabric_id, 0, noise(1 * MiB))
    until_processed(resting, now())
    until_resting(resting)
    resting.pause()
    at = resting.status().processed_at
    resting.target.do(Kind.DRAIN, Drain(), resting.machine_id)
    newest = resting.status().points[-1]
    assert newest.taken_at == at
    assert newest.seq == resting.status().processed_seq
    assert resting.point_bytes(newest.id) == resting.source.read(resting.fabric_id)
    report = resting.target.order(Kind.DRAIN, Drain(), resting.machine_id)
    assert "nothing was written until" in report.sentence


def test_an_instant_of_rest_is_found_as_the_cycle_before_it(resting):
    resting.source.write(resting.fabric_id, 0, noise(1 * MiB))
    until_processed(resting, now())
    seq, content = resting.status().processed_seq, resting.source.read(resting.fabric_id)
    at = now()
    until_processed(resting, at)
    assert resting.status().processed_seq == seq
    instant = find(resting, at)
    assert instant.taken_at < at
    assert drilled(resting, instant) == content
    told = eventually(lambda: resting.status().journal)  # it is told some seconds late
    assert told[-1].ends_at > instant.taken_at


def test_a_point_that_is_due_comes_with_a_cycle_although_the_machine_rests(pair):
    pair.protect(policy=policy(crash_consistent_every_seconds=1)).synchronized()
    first = pair.status().points[-1].taken_at
    eventually(lambda: pair.status().points[-1].taken_at > first + timedelta(seconds=2), 20)


def test_firmware_state_that_changes_while_the_machine_rests_travels(sites):
    a, b = sites
    fabric_id = simulated.make_machine(a.root, "web01", [4 * MiB], firmware=FIRMWARE)
    a.fabric.power.start(fabric_id)
    pair = Pair(a, b, fabric_id).protect().synchronized()
    until_resting(pair)
    another_cycle(
        pair, lambda: simulated.write_firmware(a.root, fabric_id, {"nvram": b"other variables" * 999})
    )


def test_a_machine_that_rests_for_long_has_a_look_of_its_own(pair, monkeypatch):
    monkeypatch.setattr(machines, "LONGEST_REST_SECONDS", 0.5)
    pair.protect().synchronized()
    until_resting(pair)
    looked = source(pair).looked
    eventually(lambda: source(pair).looked > looked, 20)
    assert pair.source_status().findings == ()


def test_a_target_of_an_older_release_gets_a_cycle_each_time(sites, monkeypatch):
    monkeypatch.setattr(handshake, "WE_CAN", ("takes_offers",))
    a, b = sites
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    for _ in range(3):
        another_cycle(pair)


def test_while_the_target_is_away_that_is_said_and_afterwards_the_machine_rests_again(resting):
    resting.target.stop()
    eventually(lambda: [each.code for each in resting.source_status().findings] == ["peer-unreachable"], 20)
    resting.target.start()
    until_processed(resting, now())
    eventually(lambda: resting.source_status().findings == (), 20)


# -- what a target takes -------------------------------------------------------------------------------


def asked(pair, said, by=None):
    peers = (by or pair.source).appliance.peers
    with peers.connect((pair.target.data_address,), pair.target.appliance_id) as connection:
        return transfer.tell(connection, said)


@pytest.fixture
def word(resting):
    """What its source would say of the machine, whose loop is paused."""
    resting.pause()
    progress = source(resting).progress
    at = (now() + timedelta(seconds=1)).isoformat()
    return UnchangedState(resting.machine_id, resting.epoch, progress.last_seq, at)


def test_a_target_believes_only_the_machine_s_own_source_about_its_newest_cycle(resting, word):
    assert asked(resting, [word]) == {resting.machine_id}
    assert resting.status().processed_at.isoformat() == word.taken_at
    later = dataclasses.replace(word, taken_at=(now() + timedelta(seconds=9)).isoformat())
    for wrong in ({"seq": word.seq - 1}, {"seq": word.seq + 1}, {"epoch": 2}, {"machine_id": "nobody"}):
        assert asked(resting, [dataclasses.replace(later, **wrong)]) == frozenset()
    assert asked(resting, [later], by=resting.target) == frozenset()
    assert resting.status().processed_at.isoformat() == word.taken_at


def test_a_replica_that_is_closed_for_a_failover_is_as_it_was(resting, word):
    before = resting.status().processed_at
    close(resting)
    assert asked(resting, [word]) == frozenset()
    assert resting.status().processed_at == before


def test_what_is_no_word_about_machines_ends_the_connection_and_changes_nothing(resting, word):
    before = resting.status().processed_at
    for said in NO_WORDS:
        peers = resting.source.appliance.peers
        with peers.connect((resting.target.data_address,), resting.target.appliance_id) as connection:
            connection.send_message("UNCHANGED", machines=said)
            with pytest.raises((PeerRefused, PeerUnreachable)):
                connection.receive_message("NOTED", within_seconds=5)
    assert resting.status().processed_at == before
    assert asked(resting, [word]) == {resting.machine_id}


@pytest.mark.parametrize(
    "seam", ["appliance.round.asked", "appliance.unchanged.noted", "appliance.round.noted"]
)
def test_a_round_that_is_cut_off_anywhere_claims_nothing_false(resting, seam, monkeypatch):
    failed: list[str] = []

    def fail(name):
        if name == seam and not failed:
            failed.append(name)
            raise RuntimeError("cut off")

    monkeypatch.setattr(seams, "reach", fail)
    eventually(lambda: failed, 20)
    resting.source.write(resting.fabric_id, 0, noise(1 * MiB))
    written_at = datetime.now(UTC)
    until_processed(resting, written_at)
    with contextlib.suppress(AssertionError):
        resting.target.do(Kind.DRAIN, Drain(), resting.machine_id)
    newest = resting.status().points[-1]
    assert newest.taken_at > written_at
    assert resting.point_bytes(newest.id) == resting.source.read(resting.fabric_id)
