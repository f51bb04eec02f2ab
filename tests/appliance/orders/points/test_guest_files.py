"""Files out of a recovery point: what is fetched is what the point holds, nothing that is there is
overwritten, and whatever goes wrong leaves nothing, and no helper machine."""

import os
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from guestkit import kernels
from rig import ext4_disks
from rig.appliances import EncryptedPair
from rig.eventually import eventually
from secondsite.appliance.helper import machine
from secondsite.appliance.orders.points import copy_checks, guest_files
from secondsite.datapath.encryption import encryption_key
from secondsite.ground import seams
from secondsite.wire.control.guest_files import EndFetchFiles, FetchFiles, ListFiles, SendFiles
from secondsite.wire.control.orders import Kind

pytestmark = [pytest.mark.slow, pytest.mark.guest, pytest.mark.timeout(600)]
FILES = {"etc/hosts": "127.0.0.1 localhost\n", "etc/deep/down/x": "deep", "readme": "read me"}
DEADLINE = 300


@pytest.fixture
def point(pair, tmp_path):
    """A point of a machine whose disk holds FILES; files written since are not in it."""
    (tmp_path / "guest").mkdir()
    pair.target.restart(kernel_root=kernels.installed())
    pair.source.write(pair.fabric_id, 0, ext4_disks.disk(tmp_path / "guest", FILES))
    pair.protect().synchronized()
    point_id = pair.point_now()
    pair.source.write(pair.fabric_id, 0, bytes(1 << 20))
    pair.point_now()
    return point_id


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "to").mkdir()
    return tmp_path / "to"


def listed(pair, point, path=""):
    asked = ListFiles(point_id=point, path=path)
    return pair.target.do(Kind.LIST_FILES, asked, pair.machine_id, deadline_seconds=DEADLINE)["files"]


def fetch_order(pair, point, folder, path="vda/etc", **more):
    values = {"fetch_id": uuid.uuid4().hex, "folder": str(folder), "path": path, **more}
    asked = FetchFiles(point_id=point, **values)
    return pair.target.order(Kind.FETCH_FILES, asked, pair.machine_id, deadline_seconds=DEADLINE)


def nothing_is_left(pair, folder):
    assert list(folder.iterdir()) == []
    assert pair.target.appliance.state.facts(guest_files.KEY) == {}
    return True


def test_files_are_listed_and_fetched_as_the_point_holds_them(pair, point, folder):
    (volume,) = listed(pair, point)
    assert (volume["name"], volume["kind"], volume["about"]) == ("vda", "volume", "ext4")
    assert [each["name"] for each in listed(pair, point, "vda")] == ["etc", "lost+found", "readme"]
    fetch_id = uuid.uuid4().hex
    report = fetch_order(pair, point, folder, fetch_id=fetch_id)
    assert report.problem is None
    assert report.facts["files"] == 2
    assert {
        str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()
    } == {name: text for name, text in FILES.items() if name.startswith("etc")}
    assert pair.target.appliance.state.facts(guest_files.KEY) == {}
    # an order whose answer was lost finds what it made
    assert fetch_order(pair, point, folder, fetch_id=fetch_id).facts == report.facts
    other = fetch_order(pair, point, folder)
    assert other.problem.code == "already-exists"
    assert (folder / "etc" / "hosts").read_text() == FILES["etc/hosts"]
    assert fetch_order(pair, point, folder, "vda/readme").facts["files"] == 1
    assert (folder / "readme").read_text() == "read me"


def test_what_cannot_be_is_told_and_nothing_is_left(pair, point, folder):
    for path, where, code, said in (
        ("", folder, "invalid-argument", "no volume"),
        ("vda/../etc", folder, "invalid-argument", "no path"),
        ("vda/etc", folder / "gone", "not-found", "no folder of this host"),
        ("vda/etc", pair.target.config.store, "not-possible-now", "lies in"),
        ("vdz/etc", folder, "not-found", "but these: vda"),
        ("vda/none", folder, "not-possible-now", "no such file"),
    ):
        problem = fetch_order(pair, point, where, path).problem
        assert (problem.code, said in problem.message) == (code, True), problem
        assert nothing_is_left(pair, folder)


def test_a_host_without_a_kernel_says_what_to_install(pair, point, folder, tmp_path):
    pair.target.restart(kernel_root=tmp_path)
    problem = fetch_order(pair, point, folder).problem
    assert "There is no kernel" in problem.message
    assert "apt install" in problem.do
    assert nothing_is_left(pair, folder)


def test_a_host_short_of_memory_or_room_is_spared(pair, point, folder, monkeypatch):
    monkeypatch.setattr(machine, "TOTAL_BYTES", 1 << 60)
    assert "of memory" in fetch_order(pair, point, folder).problem.message
    monkeypatch.undo()
    monkeypatch.setattr(copy_checks, "SPARE_BYTES", 1 << 60)
    assert "no room" in fetch_order(pair, point, folder).problem.message
    assert nothing_is_left(pair, folder)


@pytest.mark.parametrize("seam", ["noted", "reading", "named"])
def test_what_fails_on_the_way_leaves_nothing_or_the_whole(pair, point, folder, seam):
    fetch_id = uuid.uuid4().hex

    def fail(name):
        if name == f"appliance.fetch.{seam}":
            raise OSError("no more")

    with seams.armed(fail):
        assert fetch_order(pair, point, folder, fetch_id=fetch_id).problem is not None
    assert pair.target.appliance.state.facts(guest_files.KEY) == {}
    assert {each.name for each in folder.iterdir()} == ({"etc"} if seam == "named" else set())
    assert fetch_order(pair, point, folder, fetch_id=fetch_id).problem is None
    assert (folder / "etc" / "hosts").read_text() == FILES["etc/hosts"]


def test_what_a_killed_process_left_goes_and_what_is_somebody_elses_stays(pair, point, folder):
    state = pair.target.appliance.state
    ours, theirs, empty = (folder / f".{name}.part" for name in ("ours", "theirs", "empty"))
    for each in (ours, theirs, empty):
        each.mkdir()
    deep_folder(ours, 1500)
    (theirs / "file").write_text("mine")
    for name, part, inode in (
        ("1", ours, ours.stat().st_ino),
        ("2", theirs, ours.stat().st_ino),
        ("3", empty, None),
    ):
        note = guest_files.Note(part=str(part), inode=inode)
        state.put_fact(guest_files.KEY + name, note.model_dump_json())
    state.put_fact(guest_files.KEY + "0", "what no shape takes")
    pair.target.restart()  # a guest's folders a thousand deep kept it from starting
    eventually(
        lambda: list(pair.target.appliance.state.facts(guest_files.KEY)) == [f"{guest_files.KEY}0"], 60
    )
    assert [each.name for each in folder.iterdir()] == [".theirs.part"]


def deep_folder(folder, depth):
    """Folders in one another, more than a path can name."""
    above = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=above)
        below = os.open("a", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)


@pytest.mark.parametrize(("path", "there"), [("vda/readme", "readme"), ("vda/etc", "etc/mine")])
def test_what_somebody_puts_there_meanwhile_is_kept_and_told(pair, point, folder, path, there):
    def put(name):
        if name == "appliance.fetch.reading":
            (folder / there).parent.mkdir(exist_ok=True)
            (folder / there).write_text("mine")

    with seams.armed(put):
        problem = fetch_order(pair, point, folder, path).problem
    assert (problem.code, "is not overwritten" in problem.message) == ("already-exists", True)
    assert (folder / there).read_text() == "mine"
    assert list(folder.iterdir()) == [folder / there.partition("/")[0]]


def held_at(seam, there, go_on):
    def wait(name):
        if name == f"appliance.fetch.{seam}" and not there.is_set():
            there.set()
            assert go_on.wait(60)

    return wait


def test_a_fetch_that_is_given_up_ends_and_leaves_nothing(pair, point, folder):
    there, go_on, fetch_id = threading.Event(), threading.Event(), uuid.uuid4().hex
    end = EndFetchFiles(fetch_id=fetch_id)
    with seams.armed(held_at("reading", there, go_on)), ThreadPoolExecutor() as pool:
        fetching = pool.submit(fetch_order, pair, point, folder, fetch_id=fetch_id)
        assert there.wait(120)
        ending = pool.submit(
            pair.target.order, Kind.END_FETCH_FILES, end, pair.machine_id, deadline_seconds=DEADLINE
        )
        eventually(lambda: pair.target.appliance.state.facts(guest_files.GIVEN_UP), 60)
        go_on.set()
        assert fetching.result().problem is not None
        assert ending.result().problem is None
    assert nothing_is_left(pair, folder)
    assert "given up" in fetch_order(pair, point, folder, fetch_id=fetch_id).problem.message


def test_points_are_made_and_dropped_while_files_are_read(pair, point, folder):
    there, go_on = threading.Event(), threading.Event()
    with seams.armed(held_at("reading", there, go_on)), ThreadPoolExecutor() as pool:
        fetching = pool.submit(fetch_order, pair, point, folder)
        assert there.wait(120)
        pair.source.write(pair.fabric_id, 0, bytes(2 << 20))
        assert pair.point_now() != point
        go_on.set()
        assert fetching.result().problem is None
    assert (folder / "etc" / "deep" / "down" / "x").read_text() == "deep"


def test_an_encrypted_store_is_read_and_gives_plain_files_only_if_that_is_said(make_site, tmp_path):
    (tmp_path / "guest").mkdir()
    (tmp_path / "to").mkdir()
    a, b = make_site("a").start(), make_site("b", kernel_root=kernels.installed())
    b.keep_key(encryption_key.make(tmp_path / "key").path)
    pair = EncryptedPair(a, b.start(), a.make_machine())
    a.write(pair.fabric_id, 0, ext4_disks.disk(tmp_path / "guest", FILES))
    point = pair.protect().synchronized().point_now()
    assert [each["name"] for each in listed(pair, point, "vda/etc")] == ["deep", "hosts"]
    wanted = SendFiles(point_id=point, path="vda/etc", way="w1", secret="0" * 64)
    sent = b.order(Kind.SEND_FILES, wanted, pair.machine_id, deadline_seconds=DEADLINE)
    for problem in (fetch_order(pair, point, tmp_path / "to").problem, sent.problem):
        assert problem is not None
        assert "is encrypted, and the files" in problem.message
        assert "--unencrypted" in problem.do
    assert fetch_order(pair, point, tmp_path / "to", unencrypted=True).problem is None
    assert (tmp_path / "to" / "etc" / "hosts").read_text() == FILES["etc/hosts"]


def test_what_reaches_no_vault_is_not_sent_and_no_helper_machine_stays(pair, point):
    """No vault listens in this rig."""
    wanted = SendFiles(point_id=point, path="vda/etc", way="w1", secret="0" * 64)
    report = pair.target.order(Kind.SEND_FILES, wanted, pair.machine_id, deadline_seconds=DEADLINE)
    assert report.problem is not None
    assert report.problem.code == "appliance-unreachable"
    told = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "secondsite-helper"], capture_output=True)
    assert told.stdout == b""
