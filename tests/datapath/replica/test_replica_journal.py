"""Any processed cycle can be recovered bit for bit from a point below it and the journal, or it is
refused."""

import resource
from datetime import datetime, timedelta
from typing import cast

import pytest

from secondsite.appliance.target.kept_cycles import KeptCycles
from secondsite.appliance.target.point_shapes import shape
from secondsite.datapath import errors
from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.cycles.journal import Start
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.ground import host
from secondsite.ground.units import KiB, MiB
from secondsite.ground.uptime import Uptime
from tests.datapath.replica.support_journal import Recorder, content, points_before
from tests.datapath.support_chain import assert_points_true, write_image

pytestmark = pytest.mark.slow


@pytest.fixture
def recorder(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "replica", daemon, "m1", source.replica_disks, epoch=1)
    yield Recorder(replica, source)
    replica.close()


@pytest.mark.slow
def test_every_cycle_between_three_points_can_be_recovered_bit_for_bit(recorder, tmp_path):
    sealed = {1: "p1", 6: "p2", 11: "p3"}
    kept = [recorder.cycle(sealed.get(seq)) for seq in range(1, 13)]
    assert kept == [False] + [True] * 11
    replica = recorder.replica
    for seq in (2, 5, 6, 7, 10, 11, 12):
        for point_id in points_before(replica, seq):
            paths = replica.open_run("drill", point_id, through_seq=seq)
            assert content(paths, tmp_path) == recorder.held[seq], f"cycle {seq} from {point_id}"
            assert replica.open_run("drill", point_id, through_seq=seq) == paths
            replica.close_run("drill")
    assert_points_true(replica, recorder.source, tmp_path)


@pytest.mark.slow
def test_a_recovered_cycle_is_what_it_was_though_replication_and_pruning_go_on(recorder, tmp_path):
    for seq in range(1, 9):
        recorder.cycle({1: "p1", 4: "p2", 7: "p3"}.get(seq))
    replica = recorder.replica
    paths = replica.open_run("drill", "p2", through_seq=6)
    with pytest.raises(errors.ReplicaInUse):
        replica.drop("p2")
    replica.drop("p1")
    replica.drop("p3")
    recorder.cycle("p4")
    replica.journal.clear()
    assert content(paths, tmp_path) == recorder.held[6]
    assert replica.open_run("drill", "p2", through_seq=6) == paths
    assert_points_true(replica, recorder.source, tmp_path)
    replica.close_run("drill")
    replica.drop("p2")
    assert [point.point_id for point in replica.points()] == ["p4"]


def test_a_disk_that_grew_between_has_its_size_of_that_cycle(recorder, tmp_path):
    recorder.cycle("p1")
    recorder.cycle()
    recorder.source.disks["sda"] += bytes(130 * KiB)
    recorder.cycle(writes=12)
    paths = recorder.replica.open_run("drill", "p1", through_seq=3)
    assert content(paths, tmp_path) == recorder.held[3]


def test_a_run_that_a_pass_over_whole_disks_broke_is_refused(recorder):
    recorder.cycle("p1")
    recorder.cycle()
    # the first slice of a pass goes to the head straight from the wire, and is no instant of the machine
    header, frames = recorder.source.cycle(sync={"sda": 65536}, base_seq=None)
    recorder.replica.apply(header, frames)
    assert not recorder.cycle(base_seq=None)
    recorder.cycle("p5")
    assert recorder.cycle()
    replica = recorder.replica
    for through_seq in (4, 6):
        with pytest.raises(errors.CycleOutOfOrder, match="ends at 2"):
            replica.open_run("drill", "p1", through_seq=through_seq)
    assert replica.state.runs == ()
    assert set(replica.open_run("drill", "p5", through_seq=6)) == {"sda", "sdb"}


def test_what_came_only_in_part_breaks_the_run(recorder):
    recorder.cycle("p1")
    header, frames = recorder.source.cycle(sync={"sda": 65536}, base_seq=None)
    recorder.replica.apply(header, frames[:2], came_whole=lambda: False)
    assert not recorder.cycle(base_seq=None)


def test_a_cycle_that_was_given_up_in_its_middle_breaks_the_run(recorder):
    recorder.cycle("p1")
    header, _ = recorder.source.cycle()
    with pytest.raises(errors.CycleDamaged):
        recorder.replica.apply(header, [Frame(7, 0, 512, True, b"")])
    recorder.replica.abandon()
    assert not recorder.cycle(base_seq=None)


def test_a_damaged_cycle_is_named_and_leaves_no_run(recorder, tmp_path):
    for seq in range(1, 5):
        recorder.cycle("p1" if seq == 1 else None)
    replica = recorder.replica
    damaged = replica.journal.entries()[1]
    path = replica.journal.path(damaged)
    turn_a_bit(path)
    with pytest.raises(errors.CycleDamaged, match=path.name):
        replica.open_run("failover", "p1", through_seq=4)
    assert replica.state.runs == ()
    assert not list(replica.files.runs.iterdir())
    assert damaged not in replica.journal.entries()
    assert content(replica.open_run("failover", "p1", through_seq=2), tmp_path) == recorder.held[2]


def turn_a_bit(path, at=-200):
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)


def test_reading_the_journal_finds_the_cycle_that_rotted_and_a_restart_knows_it(recorder, daemon):
    for seq in range(1, 6):
        recorder.cycle("p1" if seq == 1 else None)
    replica = recorder.replica
    rotten = replica.journal.entries()[1]
    turn_a_bit(replica.journal.path(rotten))
    entries = replica.journal.entries()
    assert [replica.verify_cycle(entry) for entry in entries] == [True, False, True, True]
    again = Replica.open(replica.files.root, daemon)
    for known in (replica, again):
        assert [each.entry.place for each in known.journal.damaged()] == [(1, 3)]
        assert seqs(known.journal) == [2, 4, 5]
        with pytest.raises(errors.CycleOutOfOrder, match="ends at 2"):
            known.open_run("drill", "p1", through_seq=4)
    assert again.journal.stored_bytes() == sum(entry.file_bytes for entry in entries if entry != rotten)


@pytest.mark.parametrize("hurt", ["cut", "emptied", "removed", "another"])
def test_a_cycle_whose_file_was_cut_emptied_removed_or_exchanged_is_damage_too(recorder, hurt):
    for seq in range(1, 4):
        recorder.cycle("p1" if seq == 1 else None)
    journal = recorder.replica.journal
    entry, other = journal.entries()
    path = journal.path(entry)
    body = path.read_bytes()
    path.write_bytes({"cut": body[:-1], "another": journal.path(other).read_bytes()}.get(hurt, b""))
    if hurt == "removed":
        path.unlink()
    assert not recorder.replica.verify_cycle(entry)
    assert seqs(journal) == [3]
    assert [each.entry for each in journal.damaged()] == [entry]


def test_a_cycle_that_was_dropped_while_it_was_to_be_read_is_no_damage(recorder):
    for seq in range(1, 4):
        recorder.cycle("p1" if seq == 1 else None)
    journal = recorder.replica.journal
    entry = journal.entries()[0]
    journal.drop_through(2)
    assert recorder.replica.verify_cycle(entry)
    assert journal.damaged() == ()


def test_a_file_that_cannot_be_read_now_is_no_damage(recorder):
    recorder.cycle("p1")
    recorder.cycle()
    (entry,) = recorder.replica.journal.entries()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(errors.ImageProblem, match="Too many open files"):
            recorder.replica.verify_cycle(entry)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert recorder.replica.verify_cycle(entry)


def test_damage_is_forgotten_once_the_journal_has_moved_past_it(recorder, journal):
    for seq in (3, 11):
        entry = next(each for each in journal.entries() if each.seq == seq)
        turn_a_bit(journal.path(entry))
        assert not recorder.replica.verify_cycle(entry)
    journal.trim(3600, MiB, starts(recorder))
    assert [each.entry.seq for each in journal.damaged()] == [3, 11]
    # what led on from 11 cannot be reached: 10 is the newest now, and the point at 5 is five seconds old
    journal.trim(5, MiB, starts(recorder))
    assert [each.entry.seq for each in journal.damaged()] == [11]
    journal.clear()
    assert journal.damaged() == ()
    assert not list(recorder.replica.files.journal.iterdir())


def test_a_run_in_use_is_not_turned_into_one_of_another_cycle(recorder):
    for seq in range(1, 4):
        recorder.cycle("p1" if seq == 1 else None)
    recorder.replica.open_run("drill", "p1", through_seq=2)
    for other in (3, None):
        with pytest.raises(errors.ReplicaInUse, match="the journal up to cycle 2"):
            recorder.replica.open_run("drill", "p1", through_seq=other)


def test_a_commit_keeps_the_recovered_cycle_and_ends_the_journal(recorder, daemon, tmp_path):
    for seq in range(1, 6):
        recorder.cycle({1: "p1", 3: "p2"}.get(seq))
    replica = recorder.replica
    paths = replica.open_run("failover", "p2", through_seq=4)
    replica.settle("failover")
    assert replica.journal.entries() == []
    assert not list(replica.files.journal.iterdir())
    assert content(paths, tmp_path) == recorder.held[4]
    replica.rebase_from_run("failover", 2)
    replica.close()
    head = {key: replica.files.head(key, replica.state.head) for key in paths}
    assert content(head, tmp_path) == recorder.held[4]


def test_the_machine_writes_on_what_was_recovered(recorder, tmp_path):
    for seq in range(1, 4):
        recorder.cycle("p1" if seq == 1 else None)
    overlay = recorder.replica.open_run("failover", "p1", through_seq=3)["sda"]
    write_image(overlay, "64k", "128k")
    expected = bytearray(recorder.held[3]["sda"])
    expected[128 * KiB : 192 * KiB] = b"\x5a" * (64 * KiB)
    assert content({"sda": overlay}, tmp_path)["sda"] == expected


@pytest.fixture
def journal(recorder):
    """Cycles 1 to 12, one a second, with points at 1, 5 and 9."""
    for seq in range(1, 13):
        recorder.cycle({1: "p1", 5: "p5", 9: "p9"}.get(seq), writes=2)
    return recorder.replica.journal


def seqs(journal):
    return [entry.seq for entry in journal.entries()]


def starts(recorder):
    """Its points, one second old for each cycle since."""
    newest = recorder.replica.journal.entries()[-1].seq
    seqs = [point.manifest.seq for point in recorder.replica.points()]
    return [Start(seq, newest - seq) for seq in seqs]


def test_the_journal_keeps_what_leads_to_every_cycle_of_its_age(recorder, journal):
    assert journal.trim(3600, MiB, starts(recorder)) == 0
    assert journal.trim(8, MiB, starts(recorder)) == 0
    # seven seconds before cycle 12 is cycle 5, a point: nothing before it is needed
    assert journal.trim(7, MiB, starts(recorder)) == 4
    assert seqs(journal) == [6, 7, 8, 9, 10, 11, 12]
    assert journal.trim(7, MiB, starts(recorder)) == 0


def test_clocks_that_were_set_make_no_cycle_old(recorder, journal):
    kept = KeptCycles(recorder.replica)
    long_ago = timedelta(days=1)
    points = [shape(record) for record in recorder.replica.points()]
    points = [
        each.model_copy(
            update={
                "taken_at": each.taken_at - long_ago,
                "sealed_at": cast(datetime, each.sealed_at) - long_ago,
            }
        )
        for each in points
    ]
    header, path = recorder.file(taken_at="2026-11-20T11:00:00+00:00")
    recorder.replica.apply(*cycle_file.read(path))
    kept.retire(path, header.epoch, header.seq, journal_seconds=60)
    kept.trim(points, journal_seconds=60, budget_bytes=MiB)
    assert seqs(journal) == list(range(2, 14))


def test_a_cycle_ages_as_the_host_runs(recorder, journal):
    kept = KeptCycles(recorder.replica)
    hour_ago = Uptime(host.uptime().boot, host.uptime().seconds - 3600)
    points = [
        shape(record).model_copy(update={"uptime": hour_ago if record.point_id != "p9" else host.uptime()})
        for record in recorder.replica.points()
    ]
    header, path = recorder.file()
    recorder.replica.apply(*cycle_file.read(path))
    kept.retire(path, header.epoch, header.seq, journal_seconds=3600)
    kept.trim(points, journal_seconds=3600, budget_bytes=MiB)
    assert seqs(journal) == list(range(6, 14))


def test_a_journal_that_is_too_large_forgets_from_point_to_point(recorder, journal):
    size_bytes = {entry.seq: entry.file_bytes for entry in journal.entries()}
    budget = sum(size_bytes[seq] for seq in range(6, 13))
    journal.trim(3600, budget + size_bytes[5] - 1, starts(recorder))
    assert seqs(journal) == [6, 7, 8, 9, 10, 11, 12]
    # what came since the newest point does not fit: its beginning is all that can be reached
    journal.trim(3600, size_bytes[10] + size_bytes[11], starts(recorder))
    assert seqs(journal) == [10, 11]
    recorder.cycle()
    journal.trim(3600, MiB, starts(recorder))
    assert seqs(journal) == [10, 11]


def test_what_no_point_leads_to_is_not_kept(recorder, journal):
    recorder.replica.drop("p1")
    journal.trim(3600, MiB, starts(recorder))
    assert seqs(journal) == [6, 7, 8, 9, 10, 11, 12]
    # a dropped point between others breaks nothing: its cycle is in the journal
    recorder.replica.drop("p9")
    assert journal.trim(3600, MiB, starts(recorder)) == 0
    assert journal.stored_bytes() == sum(journal.path(entry).stat().st_size for entry in journal.entries())


def test_nothing_goes_while_somebody_reads(recorder, journal):
    with journal.reading():
        assert not journal.drop_through(12)
        assert journal.trim(0, 0, starts(recorder)) == 0
    assert journal.drop_through(5)
    assert seqs(journal) == [6, 7, 8, 9, 10, 11, 12]


def test_the_journal_is_found_again_by_its_files_names(recorder, daemon):
    for seq in range(1, 12):
        recorder.cycle("p1" if seq == 1 else None)
    known = recorder.replica.journal.entries()
    again = Replica.open(recorder.replica.files.root, daemon).journal.entries()
    assert again == known
    assert [entry.seq for entry in again] == list(range(2, 12))
    assert again[0].taken_at.isoformat() == "2026-11-20T08:00:02+00:00"
