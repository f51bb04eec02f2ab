"""Whatever an archive names: files are made below one folder, and nothing outside is made, opened or
changed."""

import contextlib
import os
import random
import stat
import tarfile
import tracemalloc

import pytest

from secondsite.appliance.helper import extracting
from secondsite.domain import errors
from tests.appliance.helper.support_archives import FOLDER, archive, header, member, reader

PLENTY = 1 << 30


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    return tmp_path / "to"


def extract(folder, *members, most_bytes=PLENTY):
    into = os.open(folder, extracting.FOLDER_FLAGS)
    try:
        return extracting.extract(reader(archive(*members)), into, "out", most_bytes)
    finally:
        os.close(into)


def nothing_happened_outside(folder):
    outside = folder.parent / "outside"
    assert sorted(each.name for each in folder.parent.iterdir()) == ["outside", "to"]
    assert [each.name for each in outside.iterdir()] == ["file"]
    assert ((outside / "file").read_text(), (outside / "file").stat().st_nlink) == ("mine", 1)
    assert {each.name for each in folder.iterdir()} <= {"out"}
    return True


def test_files_folders_links_and_times_come_as_they_are(folder):
    long, odd = "n" * 200, os.fsdecode(b"odd\xff\nname")
    found = extract(
        folder,
        member("./etc/", **FOLDER),
        member("./etc/hosts", b"one", mode=0o640),
        member(f"./etc/{long}", b"long"),
        member(f"./etc/{odd}", b""),
        member("./etc/sub/", kind=tarfile.DIRTYPE, mode=0o500),
        member("./etc/sub/zeros", bytes(3 * 1024 * 1024) + b"end"),
        member("./etc/same", kind=tarfile.LNKTYPE, link="./etc/hosts"),
        member("./etc/link", kind=tarfile.SYMTYPE, link="/outside/file"),
        member("./etc/pipe", kind=tarfile.FIFOTYPE),
        member("./etc/disk", kind=tarfile.BLKTYPE),
    )
    out = folder / "out"
    assert (found.files, found.folders, found.left_out) == (6, 2, 2)
    assert sorted(each.name for each in out.iterdir()) == sorted(["hosts", long, odd, "sub", "same", "link"])
    assert (out / "hosts").read_text() == "one"
    assert (out / "sub" / "zeros").read_bytes() == bytes(3 * 1024 * 1024) + b"end"
    assert (out / "link").readlink().as_posix() == "/outside/file"
    assert (out / "same").samefile(out / "hosts")
    assert stat.S_IMODE((out / "hosts").stat().st_mode) == 0o640
    assert stat.S_IMODE((out / "sub").stat().st_mode) == 0o500
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {int((out / name).stat().st_mtime) for name in ("hosts", "sub", ".")} == {1_700_000_000}


def test_one_file_is_made_by_the_name_that_was_asked_for(folder):
    assert extract(folder, member("./hosts", b"one")).files == 1
    assert (folder / "out").read_text() == "one"


def test_what_would_run_as_somebody_else_does_not(folder):
    extract(folder, member("./su", b"x", mode=0o6755))
    assert stat.S_IMODE((folder / "out").stat().st_mode) == 0o755


def test_a_mode_that_no_file_has_gives_no_more_than_anybody_may_have(folder):
    """A number of an archive may be of 256 bits and below zero; the sum of a header does not tell."""
    below_zero = bytearray(member("./x", b"x"))
    below_zero[100:108] = b"\xff" * 8
    _mended_checksum(below_zero, 0)
    extract(folder, bytes(below_zero))
    assert stat.S_IMODE((folder / "out").stat().st_mode) <= 0o777


@pytest.mark.parametrize(
    "members",
    [
        [member("./d/", **FOLDER), member("./d/../../outside/new", b"x")],
        [member("/etc/shadow", b"x")],
        [member("./d/", **FOLDER), member("./d/a//b", b"x")],
        [member("../outside/new", b"x")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.SYMTYPE, link="../../outside"),
         member("./d/l/new", b"x")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.SYMTYPE, link="../../outside/file"),
         member("./d/l", b"x")],
        [member("./d", kind=tarfile.SYMTYPE, link="../outside"), member("./d/new", b"x")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.LNKTYPE, link="../outside/file")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.SYMTYPE, link="../../outside"),
         member("./d/h", kind=tarfile.LNKTYPE, link="./d/l/file")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.SYMTYPE, link="../../outside"),
         member("./d/l/", **FOLDER)],
        [member("./d/", **FOLDER), member("./d/x", b"1"), member("./d/x", b"2")],
        [member("./d/x", b"no folder for it")],
        [member("./d/", **FOLDER), member("./d/l", kind=tarfile.SYMTYPE, link="")],
        [header("x", kind=tarfile.GNUTYPE_LONGNAME, size=1 << 40)],
        [header("./x", size=1 << 62)],
        [b"\xff" * 512],
        [member("./" + "d/" * 1200 + "x", b"deep")],
    ],
)  # fmt: skip
def test_what_leads_elsewhere_or_is_no_archive_makes_nothing_outside(folder, members):
    with pytest.raises(errors.NotPossibleNow) as refused:
        extract(folder, *members)
    assert refused.value.do
    assert nothing_happened_outside(folder)


def test_no_more_is_written_than_there_is_room_for(folder):
    with pytest.raises(errors.NotPossibleNow, match="no room"):
        extract(folder, member("./d/", **FOLDER), member("./d/x", bytes(2000)), most_bytes=1000)


def test_folders_that_lie_deep_take_no_memory_and_have_their_times_and_permissions(folder):
    """Each took 50 KiB until the end."""
    deep = ["./top/"]
    for _ in range(300):
        deep.append(deep[-1] + "a/")
    wide = [f"{deep[-1]}{number}/" for number in range(400)]
    late = [member(each, kind=tarfile.DIRTYPE, mode=0o750) for each in wide]
    tracemalloc.start()
    try:
        found = extract(folder, *(member(each, **FOLDER) for each in deep), *late, member("./top/last", b"x"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.folders == 701
    assert peak < 6_000_000
    last = (folder / "out").joinpath(*["a"] * 300, "7").stat()
    assert (stat.S_IMODE(last.st_mode), int(last.st_mtime)) == (0o750, 1_700_000_000)
    assert {int((folder / "out" / each).stat().st_mtime) for each in (".", "a", "a/a")} == {1_700_000_000}


def test_many_small_files_count_with_what_they_take(folder):
    """54,000 files of a byte were counted as 54 kB, and filled the store's file system."""
    small = [member(f"./d/{number}", b"x") for number in range(100)]
    with pytest.raises(errors.NotPossibleNow, match="no room"):
        extract(folder, member("./d/", **FOLDER), *small, most_bytes=50 * 4096)
    assert len(list((folder / "out").iterdir())) < 50


def test_any_bytes_at_all_do_nothing_outside(folder):
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    whole = archive(
        member("./d/", **FOLDER),
        member("./d/x", b"abc" * 400),
        member("./d/l", kind=tarfile.SYMTYPE, link="../../outside"),
        member("./d/h", kind=tarfile.LNKTYPE, link="./d/x"),
        member("./d/" + "n" * 150, b"long"),
    )
    for count in range(400):
        broken = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            at = chance.randrange(len(broken) // 512) * 512 + chance.randrange(160)
            broken[at] = chance.choice([0, 46, 47, 48, 53, 255, chance.randrange(256)])
            _mended_checksum(broken, at // 512 * 512)
        target = folder / str(count)
        target.mkdir()
        with contextlib.suppress(errors.NotPossibleNow, EOFError, OSError):
            extract(target, bytes(broken))
        assert (folder.parent / "outside" / "file").stat().st_nlink == 1, seed
        assert [each.name for each in (folder.parent / "outside").iterdir()] == ["file"], seed
        assert {each.name for each in target.iterdir()} <= {"out"}, seed


def _mended_checksum(data, at):
    block = data[at : at + 148] + b" " * 8 + data[at + 156 : at + 512]
    data[at + 148 : at + 156] = b"%06o\0 " % sum(block)
