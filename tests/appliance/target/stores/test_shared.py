"""Stores that lie side by side on one file system: one appliance takes a replica over from another, and never
two have it."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.appliances import Pair, runs
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import State, alone_in_stores
from secondsite.appliance.target import replica_moves, scrub
from secondsite.appliance.target.stores import stores
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.rescue import owners, read
from secondsite.rescue.problems import Problem
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import (
    CommitPoint,
    CreateNetwork,
    DrillNetwork,
    Kind,
    PointOrder,
    RemoveReplica,
    TakeReplica,
)
from secondsite.wire.control.setups import ReplicaSetup

pytestmark = pytest.mark.slow


@pytest.fixture
def sites(make_site, tmp_path):
    """A source; two targets whose stores lie in one folder."""
    shared = tmp_path / "shared"
    a = make_site("a").start()
    return a, *(make_site(name, store=shared / name).start() for name in ("b", "c"))


class TokenPair(Pair[Any]):
    """`token` is that of its replica's store, `point` its newest."""

    token: str | None
    point: str


@pytest.fixture
def pair(sites):
    a, b, _ = sites
    pair = TokenPair(a, b, a.make_machine()).protect().synchronized()
    pair.pause()
    a.write(pair.fabric_id, 0, noise(64 * KiB))
    pair.point = pair.point_now()
    pair.token = b.appliance.host.stores.default.owners.token
    return pair


def order(pair, **changes):
    values = {
        "setup": pair.replica_setup(),
        "former_appliance_id": pair.target.appliance_id,
        "tokens": (pair.token,),
        "wait_seconds": 10,
    }
    return TakeReplica(**{**values, **changes})


def take(pair, by, **changes):
    by.do(Kind.TAKE_REPLICA, order(pair, **changes), pair.machine_id)


def tried_in(pair, site, monkeypatch):
    """Where the empty disks of a trial start at that site lie."""
    trials, hosting = [], site.fabric.hosting
    real = hosting.try_start

    def spied(trial):
        trials.append(trial)
        return real(trial)

    with monkeypatch.context() as patch:
        patch.setattr(hosting, "try_start", spied)
        definition = pair.source.fabric.inventory.get(pair.fabric_id).definition
        site.do(Kind.CHECK_TARGET, CheckTarget(definition=definition), pair.machine_id)
    return trials[0].folder


def test_appliances_that_use_one_store_try_starts_in_folders_of_their_own(sites, pair, monkeypatch):
    _, b, c = sites
    of_b = tried_in(pair, b, monkeypatch)
    take(pair, c)
    of_c = tried_in(pair, c, monkeypatch)
    assert of_b.parent == of_c.parent == b.config.store
    assert of_b != of_c
    for each in (of_b, of_c):  # as a killed process leaves it
        each.mkdir()
    b.restart()
    assert (of_b.exists(), of_c.exists()) == (False, True)
    c.restart()
    assert not of_c.exists()


def left_behind(pair, b, c):
    """The copy that was failed over at `b`, which is off, and whose replica `c` has taken over since."""
    runs.fail_over(pair, pair.point)
    [left] = [each for each in b.fabric.inventory.list() if each.tag == pair.machine_id]
    b.fabric.power.stop(left.fabric_id)
    b.stop()
    take(pair, c, begun=True)
    return left


def owner(pair):
    said = pair.target.config.store / "replicas" / pair.machine_id / "owner.json"
    return json.loads(said.read_text())["appliance_id"]


def test_who_sees_a_store_proves_it_by_its_token_while_its_appliance_holds_it(sites):
    _, b, c = sites
    for one, other in ((b, c), (c, b)):
        token = one.appliance.host.stores.default.owners.token
        eventually(lambda: token in [each.token for each in one.appliance.shared_stores.signs])  # noqa: B023
        eventually(lambda: token in other.appliance.shared_stores.proven)  # noqa: B023


def test_a_copy_of_a_store_proves_nothing(sites, make_site, tmp_path):
    """Its tokens are the same, but it is not where its mark says, and nobody holds it."""
    _, b, _ = sites
    copied = tmp_path / "copied" / "b"
    (copied / "owners").mkdir(parents=True)
    for name in ("store.json", f"owners/{b.appliance_id}.json", f"owners/{b.appliance_id}.lock"):
        (copied / name).write_bytes((b.config.store / name).read_bytes())
    d = make_site("d", store=copied.with_name("d")).start()
    watch = d.appliance.shared_stores
    watch.look()
    assert d.appliance.host.stores.neighbours == ()
    assert watch.proven == ()
    [said] = d.appliance.host.stores.copies
    assert said.startswith(f"{copied} is a copy of {b.config.store} of host")


def copy_beside(site):
    """Of its store, in a folder that comes first."""
    there = site.config.store.with_name("a-backup")
    shutil.copytree(site.config.store, there, symlinks=True)
    return there


def test_of_a_store_and_its_copy_the_store_is_taken(pair, sites):
    _, b, c = sites
    copied = copy_beside(b)
    b.stop()
    take(pair, c)
    assert owner(pair) == c.appliance_id
    assert not (copied / "replicas" / pair.machine_id / "owner.json").exists()
    c.restart()
    assert c.appliance.host.stores.holding(pair.machine_id).root == b.config.store


def test_a_copy_is_not_opened_in_place_of_the_store_in_which_a_replica_was_taken_over(pair, sites):
    _, b, c = sites
    take(pair, c)
    copy_beside(b)
    c.restart()
    assert c.replica(pair.machine_id).replica.files.root == b.replica_folder(pair.machine_id)


def test_a_copy_of_a_store_that_is_lost_is_named_and_not_taken(pair, sites):
    _, b, c = sites
    copied = copy_beside(b)
    b.stop()
    b.config.store.rename(b.config.store.parents[1] / "lost")
    with pytest.raises(OrderFailed, match=f"{copied} is a copy of {b.config.store}.*not taken for it"):
        take(pair, c)


def test_who_took_a_copy_over_once_lets_go_of_what_another_has_in_the_store(pair, sites):
    """A former release took the first that it found."""
    _, b, c = sites
    take(pair, c)
    moved = TokenPair(pair.source, c, pair.fabric_id, pair.machine_id)
    moved.token = pair.token
    c.stop()
    state = State(c.config.state_file)
    setup, accepting = state.replicas()[pair.machine_id]
    place = ReplicaSetup.model_validate_json(setup).keeping.store
    take(moved, b)
    state.put_replica(pair.machine_id, setup.replace(str(place), f"{place}-backup"), accepting)
    state.close()
    c.start()
    assert pair.machine_id not in c.appliance.host.unopened()
    take(pair, c, tokens=(b.appliance.host.stores.default.owners.token,))
    assert owner(pair) == c.appliance_id


def test_a_store_can_be_looked_at_again_after_its_folder_could_not_be_listed(pair, sites, monkeypatch):
    _, b, c = sites
    take(pair, c)
    with monkeypatch.context() as away:
        away.setattr(stores, "_marks_beside", lambda root: [])
        c.appliance.host.stores.look_beside()
        assert c.appliance.host.stores.of(c.replica(pair.machine_id)).root == b.config.store
    c.appliance.host.stores.look_beside()
    assert len(c.appliance.host.stores.neighbours) == 1


def test_the_replica_of_a_dead_appliance_is_taken_over_and_goes_on_incrementally(pair, sites):
    a, b, c = sites
    b.stop()
    take(pair, c)
    assert owner(pair) == c.appliance_id
    moved = Pair(a, c, pair.fabric_id, pair.machine_id)
    assert pair.point in [each.id for each in moved.status().points]
    a.do(Kind.START_REPLICATION, moved.source_setup(), pair.machine_id)
    a.write(pair.fabric_id, 64 * KiB, noise(64 * KiB))
    sent = moved.cycle_now(seal=True)
    assert sent["changed_bytes"] < 512 * KiB  # none, if its own cycle was first
    newest = moved.status().points[-1].id
    assert newest != pair.point
    assert b.point_bytes(pair.machine_id, newest) == a.read(pair.fabric_id)


def test_machines_may_run_from_a_neighbours_store_once_a_replica_was_taken_over_there(pair, sites):
    _, b, c = sites
    entered = c.appliance.host.stores.entered
    assert list(entered()) == []
    take(pair, c)
    assert list(entered()) == [b.config.store]
    c.restart()
    assert list(c.appliance.host.stores.entered()) == [b.config.store]


def test_the_former_appliance_does_not_touch_it_when_it_is_back(pair, sites):
    _, b, c = sites
    b.stop()
    take(pair, c)
    b.start()
    assert b.appliance.host.find(pair.machine_id) is None
    assert c.appliance.host.find(pair.machine_id) is not None
    with pytest.raises(OrderFailed, match="not this appliance's"):
        b.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    with pytest.raises(OrderFailed):
        runs.start(pair, "drill", pair.point)
    assert owner(pair) == c.appliance_id


def test_an_appliance_that_runs_gives_it_when_it_is_asked(pair, sites):
    _, b, c = sites
    take(pair, c)
    assert owner(pair) == c.appliance_id
    assert b.appliance.host.find(pair.machine_id) is None
    take(pair, c)


def slowly_read_of(pair, site, monkeypatch):
    """Have the background reading begin with a point that it reads for hours; returns once it does."""
    began, real = threading.Event(), scrub.verify

    def noted(hosted, point_id, cancelled, told):
        def seen(through, read):
            began.set()
            told(through, read)

        return real(hosted, point_id, cancelled, seen)

    monkeypatch.setattr(scrub, "verify", noted)
    site.restart(scrub_rest_seconds=0.1, scrub_bytes_per_second=16)
    assert began.wait(20)
    assert None in [each.verified_at for each in pair.status().points]


def test_a_point_that_is_read_in_the_background_keeps_it_from_nobody(pair, sites, monkeypatch):
    _, b, c = sites
    slowly_read_of(pair, b, monkeypatch)
    take(pair, c, wait_seconds=10)
    assert owner(pair) == c.appliance_id


def test_a_point_that_somebody_has_read_keeps_it_and_the_machine_is_named(pair, sites, monkeypatch):
    _, b, c = sites
    reading, over = threading.Event(), threading.Event()

    def wait(_through, _read):
        reading.set()
        assert over.wait(30)

    monkeypatch.setattr(scrub, "teller", lambda *_: wait)
    monkeypatch.setattr(replica_moves, "GIVE_SECONDS", 0.5)
    asked = PointOrder(point_id=pair.point)
    with ThreadPoolExecutor(1) as beside:
        verified = beside.submit(b.do, Kind.VERIFY_POINT, asked, pair.machine_id)
        assert reading.wait(20)
        with pytest.raises(OrderFailed, match=r"point of web01 is being read.*job list --machine web01"):
            take(pair, c)
        assert not b.replica(pair.machine_id).left_alone
        over.set()
        verified.result(30)
    take(pair, c)
    assert owner(pair) == c.appliance_id


def test_it_comes_back_the_same_way(pair, sites):
    a, b, c = sites
    take(pair, c)
    moved = TokenPair(a, c, pair.fabric_id, pair.machine_id)
    names = {each.root: each for each in c.appliance.host.stores.neighbours}
    moved.token = names[b.config.store].owners.token
    take(moved, b)
    assert owner(pair) == b.appliance_id
    assert pair.point in [each.id for each in pair.status().points]
    b.restart()
    assert pair.point in [each.id for each in pair.status().points]
    assert c.appliance.host.find(pair.machine_id) is None


def test_it_comes_back_from_one_that_died_before_anybody_saw_its_token(pair, sites):
    """What lies in the store is told with the takeover; its own appliance reaches it without a proof."""
    _, b, c = sites
    b.stop()
    told = c.do(Kind.TAKE_REPLICA, order(pair), pair.machine_id)["tokens"]
    assert pair.token in told
    c.stop()
    b.start()
    b.appliance.shared_stores.look()
    assert set(told) & {each.token for each in b.appliance.shared_stores.signs}
    moved = TokenPair(pair.source, c, pair.fabric_id, pair.machine_id)
    moved.token = pair.token
    take(moved, b)
    assert owner(pair) == b.appliance_id


def test_whoever_holds_a_store_tells_the_tokens_of_the_others_too(pair, sites):
    _, b, c = sites
    take(pair, c)
    c.appliance.shared_stores.look()
    names = {each.root: each for each in c.appliance.host.stores.neighbours}
    there = names[b.config.store]
    told = {each.token for each in c.appliance.shared_stores.signs if each.store == there.name}
    assert {pair.token, there.owners.token} <= told


def test_it_is_taken_from_whoever_has_it_whatever_the_vault_knows(pair, sites):
    """An order to take it was carried out, and nobody heard of that."""
    _, b, c = sites
    take(pair, c)
    assert owner(pair) == c.appliance_id
    take(pair, b)  # the former one is b, as the vault believes
    assert owner(pair) == b.appliance_id
    assert b.replica(pair.machine_id).replica.point_ids
    take(pair, c)
    c.stop()
    take(pair, b)
    assert owner(pair) == b.appliance_id


def test_one_that_died_right_after_it_was_given_a_replica_gives_it_back_when_it_runs_again(pair, sites):
    _, b, c = sites
    c.appliance.host.stores.look_beside()
    for each in c.appliance.host.stores.neighbours:
        assert c.appliance.host.stores.hold(each)
    replica_moves.give_away(b.appliance.host, b.replica(pair.machine_id), c.appliance_id)
    c.restart()
    assert c.appliance.host.find(pair.machine_id) is None
    take(pair, b)
    assert owner(pair) == b.appliance_id
    assert b.replica(pair.machine_id).replica.point_ids


def test_what_a_machine_may_run_on_is_not_given_by_one_that_has_forgotten_it(pair, sites):
    """As an appliance whose database was put back."""
    _, b, c = sites
    take(pair, c)
    runs.start(Pair(pair.source, c, pair.fabric_id, pair.machine_id), "failover", pair.point)
    c.appliance.state.remove_replica(pair.machine_id)
    c.restart()
    assert c.appliance.host.find(pair.machine_id) is None
    with pytest.raises(OrderFailed, match="was failed over onto its replica"):
        take(pair, b)
    assert owner(pair) == c.appliance_id


def test_nothing_is_given_to_an_appliance_that_does_not_run(pair, sites):
    _, b, c = sites
    c.stop()
    owners = b.appliance.host.stores.default.owners
    asked = owners.folder / f"{b.appliance_id}.asked" / f"{pair.machine_id}.json"
    asked.parent.mkdir(exist_ok=True)
    asked.write_text(json.dumps({"by": c.appliance_id}))
    eventually(lambda: not asked.exists())
    assert b.appliance.host.find(pair.machine_id) is not None
    assert not (b.replica(pair.machine_id).replica.files.root / "owner.json").exists()


def test_an_appliance_that_hangs_keeps_it(pair, sites):
    _, b, c = sites
    b.appliance.shared_stores.stop()
    with pytest.raises(OrderFailed, match="still runs with its store"):
        take(pair, c, wait_seconds=1)
    assert pair.status().points
    assert c.appliance.host.find(pair.machine_id) is None


def test_a_former_owner_that_missed_the_change_does_nothing_to_it(pair, sites, monkeypatch):
    """As a host whose locks the file server has ended meanwhile."""
    _, b, c = sites
    b.appliance.shared_stores.stop()
    b.appliance.host.stores.default.owners.release()
    b.appliance.host.daemon.stop()
    take(pair, c)
    with pytest.raises(OrderFailed, match="another appliance's now"):
        b.do(Kind.DRAIN, None, pair.machine_id)
    with pytest.raises(OrderFailed, match="another appliance's now"):
        runs.start(pair, "drill", pair.point)


def test_a_drilled_machine_stays_with_an_appliance_that_runs(pair, sites):
    _, _, c = sites
    runs.start(pair, "drill", pair.point)
    with pytest.raises(OrderFailed, match="End its test failover"):
        take(pair, c)


def test_one_that_was_failed_over_stays(pair, sites):
    _, b, c = sites
    runs.fail_over(pair, pair.point)
    with pytest.raises(OrderFailed, match="copy of web01 runs"):
        take(pair, c)
    b.stop()
    with pytest.raises(OrderFailed, match="was failed over"):
        take(pair, c)


def test_one_that_was_migrated_to_the_very_host_that_takes_it_over_is_to_be_shut_down_there(pair, sites):
    _, b, c = sites
    copy = runs.fail_over(pair, pair.point)
    simulated.migrate(b.root, copy, c.root)
    b.stop()
    with pytest.raises(OrderFailed, match=r"It is web01, which runs at this host\..*virsh shutdown web01"):
        take(pair, c, begun=True, wait_seconds=1)
    c.fabric.power.stop(copy)
    take(pair, c, begun=True)
    assert owner(pair) == c.appliance_id


def test_a_store_without_the_token_that_the_vault_knows_is_not_the_one(pair, sites):
    _, b, c = sites
    b.stop()
    with pytest.raises(OrderFailed, match="in no store that is seen from here"):
        take(pair, c, tokens=("0" * 32,))


@pytest.mark.parametrize("seam", ["appliance.replica.taken"])
def test_a_takeover_that_was_cut_off_ends_with_one_owner(pair, sites, seam):
    _, b, c = sites
    b.stop()

    class Cut(Exception):
        pass

    def die(name):
        if name == seam:
            raise Cut

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seams, "reach", die)
        with pytest.raises(OrderFailed):
            take(pair, c)
    assert owner(pair) == c.appliance_id
    c.restart()
    b.start()
    assert b.appliance.host.find(pair.machine_id) is None
    take(pair, c)
    assert c.appliance.host.find(pair.machine_id) is not None


def test_nobody_starts_machines_from_a_store_while_a_replica_is_taken_out_of_it(pair, sites):
    _, b, c = sites
    b.stop()
    with alone_in_stores(b.config), pytest.raises(OrderFailed, match="started from that store without it"):
        take(pair, c, wait_seconds=1)
    take(pair, c)


def test_what_another_appliance_has_is_not_started_by_hand_while_that_runs(pair, sites):
    _, b, c = sites
    b.stop()
    take(pair, c)
    replica = read(b.replica_folder(pair.machine_id))
    with pytest.raises(Problem, match="at another host, has the replica of web01"):
        owners.require_not_held(replica)
    c.stop()
    owners.require_not_held(replica)


def test_a_full_store_gives_of_its_reserve_for_a_takeover(make_site, small):
    root = small("shared", 64 * MiB)
    a = make_site("a").start()
    b, c = (make_site(name, store=root / name).start() for name in ("b", "c"))
    pair = TokenPair(a, b, a.make_machine()).protect().synchronized()
    pair.pause()
    pair.token = b.appliance.host.stores.default.owners.token
    b.stop()
    c.appliance.host.stores.default.reserve.release()
    (root / "b" / "start.reserve").write_bytes(bytes(2 * MiB))
    with contextlib.suppress(OSError), (root / "fill").open("wb") as file:
        while file.write(bytes(4096)):
            file.flush()
    take(pair, c)
    assert owner(pair) == c.appliance_id


def test_what_is_left_of_a_copy_is_removed_once_it_is_off_also_after_the_first_look(pair, sites, monkeypatch):
    """Its definition stayed for good: only the first look, just after its appliance's start, removed it."""
    monkeypatch.setattr(replica_moves, "BESIDE_SECONDS", 0)
    _, b, c = sites
    left = left_behind(pair, b, c)
    b.fabric.power.start(left.fabric_id)  # as libvirt does when its host starts
    for _ in range(2):
        b.start()
        b.appliance.shared_stores.look()
        assert b.fabric.power.state(left.fabric_id) is PowerState.RUNNING, "a person has to look at it"
        assert b.appliance.host.moved() == [pair.machine_id]
        assert b.fabric.inventory.get(left.fabric_id).start_forbidden, "nor with its host, once it is off"
        eventually(lambda: [each.machine_id for each in _arrivals(b)] == [pair.machine_id])
        b.stop()
    b.fabric.power.stop(left.fabric_id)
    b.start()
    eventually(lambda: b.fabric.inventory.get(left.fabric_id) is None)
    eventually(lambda: not b.appliance.host.moved())
    assert not b.appliance.state.facts(f"run/{pair.machine_id}/")


def test_what_is_left_of_a_copy_goes_too_once_its_protection_has_ended_where_it_went_on(pair, sites):
    _, b, c = sites
    left = left_behind(pair, b, c)
    moved = Pair(pair.source, c, pair.fabric_id, pair.machine_id)
    runs.start(moved, "failover", pair.point)
    c.do(Kind.COMMIT_POINT, CommitPoint(point_id=pair.point), pair.machine_id)
    c.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True), pair.machine_id)
    folder = b.config.store / "replicas" / pair.machine_id
    assert (folder / "ended.json").exists()
    assert owner(pair) == c.appliance_id
    b.start()
    eventually(lambda: b.fabric.inventory.get(left.fabric_id) is None)
    [kept] = c.fabric.inventory.list()
    assert kept.power == "running"
    assert (folder / "runs/failover").is_dir()


def _arrivals(site):
    return site.appliance.replication.arrivals.statuses()


def test_an_owner_that_cannot_be_read_is_not_called_another_appliance(pair, sites):
    _, b, c = sites
    place = b.replica(pair.machine_id).replica.files.root / "owner.json"
    place.write_text("{")
    with pytest.raises(OrderFailed, match=f"whose it is cannot be read from {place}"):
        b.do(Kind.DRAIN, None, pair.machine_id)
    with pytest.raises(OrderFailed, match=f"not taken: whose it is cannot be read from {place}"):
        take(pair, c)


@pytest.mark.parametrize("restarts", [False, True], ids=["while it runs", "after a restart"])
def test_a_failed_over_machine_whose_owner_cannot_be_read_is_told_with_what_makes_it_readable(
    pair, sites, restarts
):
    """It was told nowhere, and did not start when its host did."""
    _, b, _ = sites
    runs.fail_over(pair, pair.point)
    [copy] = [each for each in b.fabric.inventory.list() if each.tag == pair.machine_id]
    (b.replica_folder(pair.machine_id) / "owner.json").write_text("{")
    if restarts:
        b.restart()

    def status():
        return next((each.status() for each in b.appliance.host.misplaced()), None) or pair.status()

    def told():
        return {each.code: each.what for each in status().findings}

    assert status().runs == ("failover",), "it is not taken for one that knows of no failover"
    said = eventually(lambda: told().get("replica-owner-unreadable"))
    b.fabric.power.stop(copy.fabric_id)
    if not restarts:
        eventually(lambda: "failed-over-machine-off" in told())
    command = re.search("'(echo .*) && systemctl", said)
    assert command is not None
    subprocess.run(["sh", "-c", command[1]], check=True)
    assert owner(pair) == b.appliance_id
    b.restart()
    eventually(lambda: "failed-over-machine-off" in told())
    assert "replica-owner-unreadable" not in told()


def test_what_is_left_of_a_copy_goes_too_while_another_host_runs_it(pair, sites):
    _, b, c = sites
    left = left_behind(pair, b, c)
    runs.start(Pair(pair.source, c, pair.fabric_id, pair.machine_id), "failover", pair.point)
    b.start()
    eventually(lambda: b.fabric.inventory.get(left.fabric_id) is None)
    assert [each.power for each in c.fabric.inventory.list() if each.tag == pair.machine_id] == ["running"]


def test_a_drill_s_network_goes_with_what_is_left_of_the_drill_unless_another_machine_uses_it(pair, sites):
    """It was kept for good, and made anew after each removal by hand."""
    _, b, c = sites
    shared = CreateNetwork(name="ss-shared", drill="run")
    own = DrillNetwork(name="ss-own", drill="run")
    b.do(Kind.CREATE_NETWORK, shared.model_copy(update={"more": (own,)}), pair.machine_id)
    b.do(Kind.CREATE_NETWORK, shared, "another")
    b.stop()
    take(pair, c, begun=True)
    b.start()
    eventually(lambda: not b.appliance.host.moved())
    assert [each.name for each in b.fabric.networks.list() if each.name.startswith("ss-")] == ["ss-shared"]
    assert len(b.appliance.state.facts("drill-network/")) == 1
