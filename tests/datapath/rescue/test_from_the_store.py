"""Files to run on, made from a store by the program that knows nothing of us: they hold what the point
holds, and nothing is hurt below."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rig import loop_devices
from secondsite.datapath.disks import image
from secondsite.datapath.encryption import encryption_key
from secondsite.datapath.replica import BaseImage
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from secondsite.rescue import checking, choosing, files, keys, leasing, signed, starting
from secondsite.rescue.comparing import digests, verifying
from secondsite.rescue.problems import Problem, Refused
from secondsite.rescue.running import looking
from secondsite.rescue.running.request import Ways
from secondsite.rescue.store import Store
from tests.datapath.support_chain import Source, assert_points_true, qemu_img, read_raw, write_image
from tests.support import encryption

pytestmark = pytest.mark.slow


@pytest.fixture
def key_here():
    """Most of it is the same with a key, which costs QEMU seconds for each file."""
    return


@pytest.fixture
def source():
    return Source(sizes={"sda": 4 * MiB})


@pytest.fixture
def replica(tmp_path, daemon, source, key_here):
    """With three points; closed, as if its appliance was gone."""
    folder = tmp_path / "store" / "replicas" / "m1"
    folder.parent.mkdir(parents=True)
    replica = Replica.create(folder, daemon, "m1", source.replica_disks, epoch=1, key=key_here)
    for number in (1, 2, 3):
        replica.apply(*source.cycle(f"p{number}"))
    replica.close()
    return replica


@pytest.fixture
def store(replica, tmp_path):
    return Store([tmp_path / "store"])


def started(store, key, wanted="latest"):
    found = store.find("web01")
    return leasing.opened(found, choosing.chosen(found, wanted), keys.key_for(found, key and key.path))


def never(what):
    raise AssertionError(f"a person was asked: {what}")


def content(path, key, scratch):
    if key is None:
        return read_raw(path, scratch)
    out = scratch / "read.raw"
    named = "json:" + json.dumps(image.node_options(path, key))
    qemu_img("convert", *image.secret_arguments(key), "-O", "raw", named, str(out))
    return out.read_bytes()


def as_at(source, point_id, overlays, key, scratch):
    for name, path in overlays.items():
        assert content(path, key, scratch) == source.points[point_id][name]


@pytest.mark.parametrize("point_id", ["p1", "p2", "p3"])
def test_what_is_to_run_holds_what_the_point_holds(store, source, key_here, point_id, tmp_path):
    as_at(source, point_id, started(store, key_here, point_id), key_here, tmp_path)


def test_a_start_that_was_cut_off_is_gone_on_with(store, source, key_here, tmp_path, monkeypatch):
    def dies(*_words):
        raise Problem("killed")

    with monkeypatch.context() as patch:
        patch.setattr(leasing, "qemu_img", dies)
        with pytest.raises(Problem):
            started(store, key_here, "p2")
    as_at(source, "p2", started(store, key_here), key_here, tmp_path)


def test_the_appliance_keeps_what_was_started_whatever_comes_and_goes_above(
    store, source, daemon, key_here, replica, tmp_path
):
    overlays = started(store, key_here, "p2")
    again = Replica.open(replica.files.root, daemon, key=key_here)
    run, layer = again.state.run("failover"), again.state.layer_of("p2")
    assert run is not None
    assert layer is not None
    assert (run.point_id, run.layer, run.writable) == ("p2", layer.number, True)
    again.apply(*source.cycle("p4"))
    again.drop("p1")
    again.drop("p3")
    again.close()
    as_at(source, "p2", overlays, key_here, tmp_path)


def test_a_point_on_many_layers_is_started_on_few_files_and_the_appliance_goes_on_with_it(
    store, source, daemon, replica, tmp_path, monkeypatch
):
    monkeypatch.setattr(leasing, "MOST_FILES", 4)
    overlay = started(store, None)["sda"]
    assert len(image.chain(overlay)) == 4
    as_at(source, "p3", {"sda": overlay}, None, tmp_path)
    again = Replica.open(replica.files.root, daemon)
    again.settle("failover")
    again.rebase_from_run("failover", epoch=2)
    again.close()
    assert read_raw(again.files.head("sda", again.state.head or 0), tmp_path) == source.points["p3"]["sda"]


def test_what_is_given_up_leaves_every_point_as_it_was(store, source, daemon, key_here, replica, tmp_path):
    started(store, key_here, "p1")
    assert "as it was before" in leasing.discarded(store.find("web01"))
    assert store.find("web01").run is None
    as_at(source, "p3", started(store, key_here), key_here, tmp_path)
    leasing.discarded(store.find("web01"))
    again = Replica.open(replica.files.root, daemon)
    assert_points_true(again, source, tmp_path)
    again.close()


def test_another_point_is_refused_once_a_machine_has_written(store, key_here):
    started(store, key_here, "p1")
    with pytest.raises(Problem) as refused:
        started(store, key_here, "p3")
    assert "was started from p1 already" in refused.value.what
    assert "discard web01" in refused.value.do


class TestEncrypted:
    @pytest.fixture
    def key_here(self, key, lent):
        return key

    def test_it_needs_its_own_key_and_holds_what_the_point_holds(
        self, store, source, daemon, key_here, replica, tmp_path
    ):
        found, other = store.find("web01"), encryption_key.make(tmp_path / "other")
        with pytest.raises(Problem, match=f"encrypted with key {key_here.key_id}"):
            keys.key_for(found, None)
        with pytest.raises(Problem, match=f"holds key {other.key_id}"):
            keys.key_for(found, other.path)
        cut(replica.files.layer("sda", store.find("web01").point("p3").layer))
        assert whole(store, "latest", key_here)[0].id == "p2"
        overlays = started(store, key_here, "p2")
        assert encryption.opens(overlays["sda"], key_here)
        assert not encryption.opens(overlays["sda"], other)
        again = Replica.open(replica.files.root, daemon, key=key_here)
        again.drop("p1")
        again.close()
        as_at(source, "p2", overlays, key_here, tmp_path)


def test_damage_is_said_and_the_rest_is_there(store, replica):
    path = replica.files.point("p3")
    path.write_bytes(path.read_bytes().replace(b"web01", b"web02"))
    found = store.find("web01")
    assert [bool(point.problem) for point in found.points] == [False, False, True]
    assert choosing.chosen(found, "latest").id == "p2"
    with pytest.raises(Problem, match="does not match"):
        choosing.chosen(found, "p3")
    record = replica.files.record
    record.write_bytes(record.read_bytes().replace(b'"epoch":1', b'"epoch":7'))
    machines, problems = store.replicas()
    assert machines == []
    assert len(problems) == 1
    assert "m1 cannot be read" in problems[0]


def test_a_committed_machine_is_neither_given_up_nor_started_from_anything_else(store, daemon, replica):
    """What its run wrote is the only copy of it."""
    overlays = started(store, None, "p2")
    again = Replica.open(replica.files.root, daemon)
    again.settle("failover")
    again.close()
    found = store.find("web01")
    with pytest.raises(Problem, match="the only copy of the machine"):
        starting.discarded(found)
    assert started(store, None) == overlays
    overlays["sda"].unlink()
    with pytest.raises(Problem, match="its disks were moved"):
        started(store, None)
    assert not overlays["sda"].exists()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("disks", [{"key": "../../../evil", "size_bytes": 1, "file": "x", "digest": ""}]),
        ("firmware", [{"name": "nvram", "size_bytes": 1, "file": "../../../../etc/passwd", "sha256": None}]),
        ("definition", {"nics": [{"key": 7}]}),
    ],
)
def test_a_manifest_that_names_what_it_must_not_is_used_for_nothing(store, replica, part, value):
    path = replica.files.point("p3")
    body = {**files.trusted(path), part: value}
    path.write_bytes(signed(body))
    with pytest.raises(Problem, match="its manifest cannot be read"):
        started(store, None, "p3")
    assert store.find("web01").run is None


def test_machines_of_all_stores_of_an_appliance_are_found_and_all_are_locked(store, replica, tmp_path):
    other, away = tmp_path / "fast", tmp_path / "away"
    (other / "replicas").mkdir(parents=True)
    replica.files.root.rename(other / "replicas" / "m1")
    roots = [str(each) for each in (store.roots[0], other, away)]
    (store.roots[0] / "configuration.json").write_bytes(signed({"stores": roots}))
    for root in (store.roots[0], other):
        (root / "store.json").write_text('{"appliance_id": "one"}')
    both = Store(store.roots)
    machines, problems = both.replicas()
    assert [each.name for each in machines] == ["web01"]
    assert [str(away) in each for each in problems] == [True]
    with files.alone([other]), pytest.raises(Problem, match="An appliance works in"), files.alone(both.roots):
        pass


def test_two_never_work_in_a_store_at_once(store):
    with (
        files.alone(store.roots),
        pytest.raises(Problem, match="An appliance works in"),
        files.alone(store.roots),
    ):
        pass


@pytest.mark.parametrize(
    ("ways", "told"),
    [
        (Ways(networks={"nic7": "br0"}), "has no card nic7"),
        (Ways(uri="qemu:///system"), "was never said by its appliance"),
    ],
    ids=["card", "libvirt"],
)
def test_what_was_typed_wrong_leaves_the_replica_as_it_is(store, ways, told):
    with pytest.raises(Problem, match=told):
        starting.started(store.find("web01"), "latest", ways, never)
    assert store.find("web01").run is None


def refusing(problem):
    def begun(start):
        raise problem

    return begun


def test_of_a_start_that_libvirt_refuses_nothing_is_left(store, monkeypatch):
    monkeypatch.setattr(starting, "_begun", refusing(Refused("libvirt refused 'start'.")))
    with pytest.raises(Problem, match="libvirt refused 'start'") as told:
        starting.started(store.find("web01"), "latest", Ways(), never)
    assert told.value.do == "Nothing is left of the start: the replica of web01 takes cycles again."
    found = store.find("web01")
    assert found.run is None
    assert not found.run_folder.exists()


def test_what_was_started_before_is_not_given_up_for_a_refusal_nor_is_that_advised(store, monkeypatch):
    overlays = started(store, None)
    monkeypatch.setattr(starting, "_begun", refusing(Refused("libvirt refused 'start'.")))
    with pytest.raises(Problem) as told:
        starting.started(store.find("web01"), "latest", Ways(), never)
    assert "discard" not in told.value.do
    assert overlays["sda"].exists()


def test_what_may_have_been_begun_is_given_up_by_a_person_only(store, monkeypatch):
    monkeypatch.setattr(starting, "_begun", refusing(Problem("libvirt did not answer.")))
    with pytest.raises(Problem) as told:
        starting.started(store.find("web01"), "latest", Ways(), never)
    assert "'discard web01'" in told.value.do
    assert store.find("web01").run is not None


def test_what_somebody_writes_is_neither_started_nor_given_up(store, key_here):
    overlays = started(store, key_here, "p1")
    found = store.find("web01")
    assert looking.running(found) is None
    with writing(overlays["sda"]):
        assert looking.running(found) == looking.SOMETHING
        with pytest.raises(Problem, match="web01 runs"):
            starting.discarded(found)
        with pytest.raises(Problem, match="A program that is not known here runs web01"):
            starting.started(found, "latest", Ways(), never)
    assert overlays["sda"].exists()
    starting.discarded(found)
    assert not overlays["sda"].exists()


def cut(path):
    """As a copy onto a full disk."""
    os.truncate(path, path.stat().st_size - 192 * KiB)


def cut_a_little(path):
    os.truncate(path, path.stat().st_size - 512)


def whole(store, wanted, key=None):
    found = store.find("web01")
    return choosing.whole(found, wanted, lambda point: checking.problem_of(found, point, key and key.path))


def test_a_layer_that_was_cut_off_is_passed_over_and_named(store, replica, source, tmp_path):
    cut(replica.files.layer("sda", store.find("web01").point("p3").layer))
    point, passed = whole(store, "latest")
    assert point.id == "p2"
    assert "p3 is newer, and cannot be used" in passed
    assert "ends too early" in passed
    as_at(source, "p2", started(store, None, point.id), None, tmp_path)


@pytest.mark.parametrize("hurt", [cut, lambda path: path.unlink()], ids=["cut", "missing"])
def test_what_lacks_a_part_below_is_not_started_and_leaves_the_replica_as_it_is(store, replica, hurt):
    hurt(replica.files.layer("sda", store.find("web01").point("p2").layer))
    assert whole(store, "p1") == (store.find("web01").point("p1"), "")
    for wanted in ("p2", "p3"):
        with pytest.raises(Problem, match=f"{wanted} of web01 cannot be used"):
            starting.started(store.find("web01"), wanted, Ways(), never)
    assert store.find("web01").run is None
    assert not store.find("web01").run_folder.exists()


def test_a_layer_that_names_a_file_elsewhere_is_passed_over_and_both_are_named(store, replica, tmp_path):
    (tmp_path / "secrets").write_bytes(bytes(4 * MiB))
    top = replica.files.layer("sda", store.find("web01").point("p3").layer)
    qemu_img("rebase", "-u", "-F", "raw", "-b", str(tmp_path / "secrets"), str(top))
    point, passed = whole(store, "latest")
    assert point.id == "p2"
    assert (
        f"it would be read from {tmp_path / 'secrets'}, which is none of the machine's files here" in passed
    )


class TestOnOldDisks:
    """A replica that was put onto the disks that its machine left at home."""

    @pytest.fixture
    def old_disk(self, tmp_path):
        return tmp_path / "old.qcow2"

    @pytest.fixture
    def replica(self, tmp_path, daemon, source, old_disk):
        qemu_img("create", "-f", "qcow2", old_disk, source.sizes["sda"])
        write_image(old_disk, source.sizes["sda"], 0, pattern=0x33)
        source.disks["sda"][:] = b"\x33" * source.sizes["sda"]
        folder = tmp_path / "store" / "replicas" / "m1"
        folder.parent.mkdir(parents=True)
        bases = {"sda": BaseImage(old_disk)}
        replica = Replica.create(folder, daemon, "m1", source.replica_disks, epoch=1, base=bases)
        replica.apply(*source.cycle("p1"))
        replica.close()
        return replica

    def test_it_starts_while_they_are_as_they_were(self, store):
        assert whole(store, "latest")[0].id == "p1"

    @pytest.mark.parametrize(
        "change", [lambda path: write_image(path, 4 * MiB, 0), cut_a_little], ids=["written", "cut"]
    )
    def test_what_their_owner_changed_starts_nothing_and_is_named(self, store, old_disk, change):
        """It has data of its owner's: with a cut that costs none, it would still hold what was sealed."""
        change(old_disk)
        with pytest.raises(Problem, match=r"changed since it was sealed|ends too early") as told:
            starting.started(store.find("web01"), "latest", Ways(), never)
        assert str(old_disk) in told.value.what
        assert store.find("web01").run is None

    @pytest.mark.parametrize("within_seconds", [None, 0])
    def test_a_copy_of_them_is_known_by_what_it_holds_whatever_time_is_given(
        self, store, old_disk, within_seconds
    ):
        """As a store and its old disks that came to another host, or from a backup."""
        copy = old_disk.with_name("copy")
        shutil.copy(old_disk, copy)
        copy.replace(old_disk)
        replica = store.find("web01")
        found = verifying.compared(replica, replica.point("p1"), None, within_seconds)
        assert (found.problem, found.left, found.compared) == ("", (), ("sda",))

    def test_a_copy_that_cannot_be_compared_starts_nothing(self, store, old_disk, monkeypatch):
        os.utime(old_disk)
        monkeypatch.setattr(digests, "library", lambda: None)
        replica = store.find("web01")
        problem = verifying.compared(replica, replica.point("p1"), None, 30).problem
        assert f"it stands on {old_disk}, which does not look as it did" in problem
        assert "apt install libxxhash0" in problem

    def test_a_copy_of_the_store_alone_says_which_old_disk_it_needs(self, store, old_disk):
        old_disk.unlink()
        replica = store.find("web01")
        problem = verifying.compared(replica, replica.point("p1"), None).problem
        assert problem == (
            f"it stands on {old_disk}, an old disk of the machine, which is not here: a copy of the store "
            "needs it at the same path"
        )


class TestOnADevice:
    """Whose path may lead to another one after a reboot."""

    @pytest.fixture
    def attached(self):
        found: list[Path] = []
        yield found
        for device in found:
            loop_devices.end(device)

    @pytest.fixture
    def old_disk(self, tmp_path, source, attached):
        source.disks["sda"][:] = source.random.randbytes(source.sizes["sda"])
        (tmp_path / "ours").write_bytes(source.disks["sda"])
        attached.append(loop_devices.begin(tmp_path / "ours"))
        path = tmp_path / "sdb"
        path.symlink_to(attached[0])
        return path

    @pytest.fixture
    def replica(self, tmp_path, daemon, source, old_disk):
        folder = tmp_path / "store" / "replicas" / "m1"
        folder.parent.mkdir(parents=True)
        bases = {"sda": BaseImage(old_disk, "raw")}
        replica = Replica.create(folder, daemon, "m1", source.replica_disks, epoch=1, base=bases)
        replica.apply(*source.cycle("p1"))
        replica.close()
        return replica

    @pytest.mark.parametrize("holds", ["the same", "something else"])
    def test_another_one_is_read_as_a_whole_whatever_time_is_given(
        self, store, old_disk, attached, tmp_path, holds
    ):
        content = (tmp_path / "ours").read_bytes()
        (tmp_path / "theirs").write_bytes(content if holds == "the same" else bytes(len(content)))
        attached.append(loop_devices.begin(tmp_path / "theirs"))
        old_disk.unlink()
        old_disk.symlink_to(attached[1])
        replica = store.find("web01")
        found = verifying.compared(replica, replica.point("p1"), None, 0)
        if holds == "the same":
            assert (found.problem, found.left, found.compared) == ("", (), ("sda",))
        else:
            assert f"it stands on {old_disk}" in found.problem


def test_a_machine_in_two_stores_is_named_by_its_folder(store, replica, tmp_path):
    other = tmp_path / "copy" / "replicas"
    shutil.copytree(replica.files.root.parent, other)
    both = Store([*store.roots, tmp_path / "copy"])
    with pytest.raises(Problem, match="web01 lies in 2 stores") as told:
        both.find("web01")
    assert str(other / "m1") in told.value.do
    assert both.find(str(other / "m1")).folder == other / "m1"


class TestSeveralDisks:
    @pytest.fixture
    def source(self):
        return Source()

    def test_what_is_given_up_half_way_is_not_found_by_halves(self, store, source, tmp_path, monkeypatch):
        for path in started(store, None, "p1").values():
            written(path)

        def dies(folder, **_options):
            next(folder.glob("*.qcow2")).unlink()
            raise Problem("killed")

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", dies)
            with pytest.raises(Problem, match="killed"):
                leasing.discarded(store.find("web01"))
        as_at(source, "p1", started(store, None), None, tmp_path)

    @pytest.mark.parametrize("lost", ["a disk", "all"])
    def test_nor_one_of_a_machine_that_its_appliance_started(self, store, replica, daemon, lost):
        overlays = Replica.open(replica.files.root, daemon).open_run("failover", "p1")
        for path in overlays.values():
            written(path)
        if lost == "all":
            shutil.rmtree(overlays["sdb"].parent)
        else:
            overlays["sdb"].unlink()
        with pytest.raises(Problem, match="sdb is not here"):
            started(store, None, "p1")
        leasing.discarded(store.find("web01"))
        assert started(store, None, "p1")

    def test_a_disk_that_was_lost_since_the_start_is_not_made_anew(self, store):
        overlays = started(store, None, "p1")
        looking.remember(store.find("web01"), looking.QEMU)
        overlays["sdb"].unlink()
        with pytest.raises(Problem, match="sdb is not here"):
            started(store, None)
        assert not overlays["sdb"].exists()
        leasing.discarded(store.find("web01"))
        started(store, None, "p2")


def written(path):
    qemu_io = ["qemu-io", "-c", "write -P 7 0 64k", str(path)]
    subprocess.run(qemu_io, check=True, capture_output=True)


@contextlib.contextmanager
def writing(path):
    """QEMU has the file open."""
    words = ["qemu-io", str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("length\n")
        program.stdin.flush()
        program.stdout.readline()
        yield
        program.stdin.close()
