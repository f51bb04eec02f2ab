"""Stores that are full to the last inode, as an XFS is: whatever stands there starts, is read, and runs if
anything can be given up."""

import contextlib
import os
import signal
import subprocess

import pytest

from rig import small_store
from rig.appliances import Pair, runs
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import HomeFull, State, alone, home_reserve
from secondsite.appliance.target import apply
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.points import RollForward
from secondsite.wire.control.orders import Kind, PointOrder

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(240)]

KINDS = {"xfs": small_store.XFS, "ext4": small_store.EXT4}
CYCLES = 4


@pytest.fixture(params=KINDS)
def disk(request, tmp_path):
    """A folder on a small file system of its own."""
    with contextlib.ExitStack() as mounts:
        try:
            yield mounts.enter_context(
                small_store.on_disk(tmp_path / "disk", 320 * MiB, KINDS[request.param])
            )
        except small_store.NoRight as problem:
            pytest.skip(str(problem))


@pytest.fixture
def pair(make_site, disk, monkeypatch):
    """A machine whose replica lies there, with some cycles in its journal; the loop rests, and so does the
    upkeep: one that came amid the filling, or after it, gave up the cycles before the test did."""
    monkeypatch.setattr(apply, "LOOK_EVERY_SECONDS", 3600.0)
    a, b = make_site("a").start(), make_site("b", store=disk / "store").start()
    found = Pair(a, b, a.make_machine()).protect().synchronized()
    found.pause()
    for number in range(CYCLES):
        a.write(found.fabric_id, number * MiB, noise(MiB, seed=number))
        found.cycle_now()
    eventually(lambda: is_at_rest(found), 30)
    assert kept(found) == CYCLES
    yield found
    b.stop()


def is_at_rest(pair):
    """Whether nothing is left to do for its replica."""
    hosted = pair.target.replica(pair.machine_id)
    with hosted.try_lock("looking whether it is at rest") as locked:
        return locked and not hosted.wants_work


def kept(pair):
    """How many cycles lie in its journal."""
    return len(list(pair.target.replica_folder(pair.machine_id).glob("journal/*.cycle")))


@contextlib.contextmanager
def filled(folder):
    """No byte and no inode are left; then there is room again."""
    reserve = folder / "foreign"
    fill(reserve)
    try:
        yield
    finally:
        for path in folder.glob("foreign*"):
            path.unlink()


def fill(reserve):
    with reserve.open("ab") as file, contextlib.suppress(OSError):
        for size_bytes in (16 * MiB, MiB, 64 * KiB, 4 * KiB):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size_bytes)
    with contextlib.suppress(OSError):
        for number in range(100_000):
            reserve.with_name(f"{reserve.name}{number}").write_bytes(b"x" * 4096)


def give_up_cycles(pair):
    pair.target.replica(pair.machine_id).replica.journal.clear()


def give_up_reserve(pair):
    """It was used for another start."""
    pair.target.appliance.host.stores.default.reserve.release()


def point_of(pair):
    return pair.status().points[-1].id


def verified(pair):
    return pair.target.do(Kind.VERIFY_POINT, PointOrder(point_id=point_of(pair)), pair.machine_id)


def test_an_appliance_starts_on_a_store_without_an_inode_to_spare_and_reads_its_points(pair, disk):
    give_up_cycles(pair)
    pair.target.stop()
    with filled(disk):
        pair.target.start()
        verified(pair)


def test_a_storage_daemon_that_dies_on_a_full_store_is_started_again(pair, disk):
    give_up_cycles(pair)
    with filled(disk):
        verified(pair)
        os.kill(pair.target.appliance.host.daemon.pid, signal.SIGKILL)
        verified(pair)


@pytest.mark.parametrize("run", ["drill", "failover"])
def test_a_machine_runs_from_a_full_store_at_the_cost_of_kept_cycles(pair, disk, run):
    with filled(disk):
        runs.start(pair, run, point_of(pair))
        assert kept(pair) == 0


def test_a_machine_is_failed_over_after_its_host_was_restarted_with_a_full_store(pair, disk):
    pair.target.stop()
    with filled(disk):
        pair.target.start()
        runs.start(pair, "failover", point_of(pair))


def test_a_failover_without_room_says_that_the_store_is_full_and_leaves_nothing_behind(pair, disk):
    give_up_cycles(pair)
    give_up_reserve(pair)
    with filled(disk):
        with pytest.raises(OrderFailed, match=r"store-full.*Free space on the store's file system"):
            runs.start(pair, "failover", point_of(pair))
    runs.start(pair, "failover", point_of(pair))


def test_a_failover_without_cycles_to_give_up_has_what_replication_left(pair, disk):
    give_up_cycles(pair)
    with filled(disk):
        runs.start(pair, "failover", point_of(pair))


def test_the_cycles_of_the_instant_that_is_asked_for_are_not_given_up(pair, disk):
    first, *_, last = pair.status().points
    forward = RollForward(seq=pair.status().processed_seq, taken_at=last.taken_at)
    give_up_reserve(pair)
    with filled(disk):
        with pytest.raises(OrderFailed, match="store-full"):
            runs.start(pair, "failover", first.id, forward=forward)
        assert kept(pair) == CYCLES
    runs.start(pair, "failover", first.id, forward=forward)


def test_an_appliance_that_starts_on_a_full_store_says_so_and_goes_on_with_room(pair, disk):
    give_up_cycles(pair)
    pair.target.stop()
    with filled(disk):
        pair.target.start()
        pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
        pair.source.write(pair.fabric_id, 0, noise(MiB, seed=9))
        eventually(lambda: "target-store-full" in codes(pair), 40)
    eventually(lambda: codes(pair) == set(), 60)
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


def test_an_appliance_whose_home_is_on_the_full_disk_too_starts_again_and_again(make_site, disk):
    home = disk / "home"
    a, b = make_site("a").start(), make_site("b", home=home, store=home / "store")
    with alone(home):
        b.start()
        pair = Pair(a, b, a.make_machine()).protect().synchronized()
        pair.pause()
        a.write(pair.fabric_id, 0, noise(MiB))
        pair.cycle_now()
        b.stop()
    with filled(disk):
        for _ in range(3):
            with alone(home):
                b.start()
                verified(pair)
                b.stop()
            fill(disk / "foreign")
        with alone(home):
            b.start()
            runs.start(pair, "failover", point_of(pair))
            b.stop()


def test_the_state_of_an_appliance_that_was_killed_is_opened_on_a_full_disk(disk):
    worker = os.fork()
    if not worker:
        with alone(disk):
            state = State(disk / "appliance.db")
            home_reserve.keep(disk)
            state.put_fact("a", "b" * 10_000)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(worker, 0)
    with filled(disk), alone(disk):
        state = State(disk / "appliance.db")
        assert state.fact("a") == "b" * 10_000
        state.put_fact("a", "c")
        state.close()


def test_a_home_without_any_room_says_what_is_full_and_what_to_do(disk):
    State(disk / "appliance.db").close()
    with filled(disk), pytest.raises(HomeFull, match=r"No space left for .*appliance\.db.*Free space"):
        State(disk / "appliance.db").put_fact("a", "b")


def codes(pair):
    return {finding.code for finding in (*pair.source_status().findings, *pair.status().findings)}


def test_a_default_store_that_can_only_be_read_keeps_no_machine_of_another_store_from_starting(
    make_site, disk, tmp_path
):
    a = make_site("a").start()
    b = make_site("b", store=disk / "store", stores={"fast": tmp_path / "fast"}).start()
    pair = Pair(a, b, a.make_machine())
    setup = pair.replica_setup()
    keeping = setup.keeping.model_copy(update={"store": "fast"})
    b.do(Kind.PREPARE_REPLICA, setup.model_copy(update={"keeping": keeping}), pair.machine_id)
    a.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    point_id = pair.synchronized().point_now()
    b.stop()
    with only_read(disk):
        b.start()
        assert runs.start(pair, "drill", point_id)
        b.stop()


@contextlib.contextmanager
def only_read(folder):
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True, timeout=20)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True, timeout=20)
