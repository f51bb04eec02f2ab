"""An archive for a person holds what a helper machine's held, and leads nowhere else, whatever that sent."""

import io
import os
import random
import tarfile

import pytest

from secondsite.appliance.helper import Extracted, judged_archive
from secondsite.domain import errors
from tests.appliance.helper.support_archives import FOLDER, archive, header, member, reader

LINK = {"kind": tarfile.SYMTYPE, "link": "/etc"}


def made(*members, name=b"etc"):
    found = Extracted()
    pieces = judged_archive.pieces(reader(archive(*members)), name, found)
    return b"".join(pieces) + judged_archive.END, found


def opened(data):
    return tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape")


def test_files_folders_and_links_are_in_it_under_the_name_that_was_asked_for():
    long, odd = "n" * 200, os.fsdecode(b"odd\xff\nname")
    data, found = made(
        member("./x/", **FOLDER),
        member("./x/hosts", b"one", mode=0o4755),
        member(f"./x/{long}", b"long"),
        member(f"./x/{odd}", b""),
        member("./x/sub/", **FOLDER),
        member("./x/sub/zeros", bytes(3 << 20) + b"end"),
        member("./x/link", kind=tarfile.SYMTYPE, link="/outside/file"),
        member("./x/same", kind=tarfile.LNKTYPE, link="./x/hosts"),
        member("./x/pipe", kind=tarfile.FIFOTYPE),
    )
    assert (found.files, found.folders, found.left_out) == (6, 2, 1)
    with opened(data) as got:
        by_name = {each.name: each for each in got.getmembers()}
        below = ("hosts", long, odd, "sub", "sub/zeros", "link", "same")
        assert list(by_name) == ["etc", *(f"etc/{each}" for each in below)]
        assert by_name["etc/hosts"].mode == 0o755
        assert by_name["etc/hosts"].mtime == 1_700_000_000
        assert by_name["etc/link"].linkname == "/outside/file"
        assert got.extractfile("etc/same").read() == b"one"
        assert got.extractfile("etc/sub/zeros").read() == bytes(3 << 20) + b"end"


def test_a_file_by_itself_is_the_only_one_in_it():
    data, found = made(member("./hosts", b"one"), name=b"hosts")
    assert found.files == 1
    with opened(data) as got:
        assert [(each.name, got.extractfile(each).read()) for each in got] == [("hosts", b"one")]


@pytest.mark.parametrize(
    "members",
    [
        [member("./x", **LINK), member("./x/passwd", b"")],
        [member("./x/passwd", b"")],
        [member("./x/", **FOLDER), member("./x/a", **LINK), member("./x/a/p", b"")],
        [
            member("./x/", **FOLDER),
            member("./x/a/", **FOLDER),
            member("./x/a", **LINK),
            member("./x/a/passwd", b""),
        ],
        [member("./x/", **FOLDER), member("./x/", **FOLDER)],
        [member("./x", b""), member("./y", b"")],
        [member("./x/../../y", b"")],
        [member("./x/", **FOLDER), member("./x/a", kind=tarfile.LNKTYPE, link="./x/../../etc/passwd")],
        [
            member("./x/", **FOLDER),
            member("./x/a", **LINK),
            member("./x/a/", **FOLDER),
            member("./x/a/p", b""),
        ],
        [member("./x/", **FOLDER), member("./x/a", **LINK), member("./x/a", b"")],
        [
            member("./x/", **FOLDER),
            member("./x/a", **LINK),
            member("./x/b", kind=tarfile.LNKTYPE, link="./x/a/passwd"),
        ],
        [
            member("./x/", **FOLDER),
            member("./x/a/", **FOLDER),
            member("./x/a", **LINK),
            member("./x/b", kind=tarfile.LNKTYPE, link="./x/a/passwd"),
        ],
        [header("./x", size=-1)],
        [b"x" * 512],
    ],
    ids=str,
)  # fmt: skip
def test_what_leads_elsewhere_is_refused(members):
    with pytest.raises(errors.NotPossibleNow, match="sent an archive with"):
        made(*members)


def test_a_second_name_of_a_link_is_left_out():
    second = member("./x/b", kind=tarfile.LNKTYPE, link="./x/a")
    data, found = made(member("./x/", **FOLDER), member("./x/a", **LINK), second)
    assert (found.files, found.left_out) == (1, 1)
    with opened(data) as got:
        assert got.getnames() == ["etc", "etc/a"]


def test_links_are_remembered_within_bounds(monkeypatch):
    monkeypatch.setattr(judged_archive, "MOST_LINKS", 3)
    links = [member(f"./x/{number}", **LINK) for number in range(4)]
    made(member("./x/", **FOLDER), *links[:3])
    with pytest.raises(errors.NotPossibleNow, match="more than 3 symbolic links"):
        made(member("./x/", **FOLDER), *links)


def test_any_bytes_are_an_archive_or_an_error():
    dice = random.Random(41)
    whole = archive(
        member("./x/", **FOLDER), member("./x/a", b"text"), member("./x/b", kind=tarfile.SYMTYPE, link="c")
    )
    for _ in range(2000):
        broken = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            data = b"".join(judged_archive.pieces(reader(bytes(broken)), b"x", Extracted()))
        except (errors.NotPossibleNow, EOFError):
            continue
        with opened(data + judged_archive.END) as got:
            assert all(
                name.partition("/")[0] == "x" and ".." not in name.split("/") for name in got.getnames()
            )
