"""What fills a disk is told from what the disk begins with, and made anew and empty."""

import shutil
import subprocess
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.datapath import errors
from secondsite.datapath.disks import file_system
from secondsite.datapath.disks.file_system import HEAD_BYTES, FileSystem
from secondsite.ground.units import GiB, MiB

SIZE_BYTES = 320 * MiB
LONGEST_LABEL = 16
MADE = {
    "ext4": ("mkfs.ext4", "-q", "-L", "data"),
    "ext4 of a large block": ("mkfs.ext4", "-q", "-b", "4096", "-O", "quota,project"),
    "ext3": ("mkfs.ext3", "-q", "-L", "old"),
    "ext2": ("mkfs.ext2", "-q"),
    "xfs": ("mkfs.xfs", "-q", "-L", "a b"),
    "xfs of an older kernel": ("mkfs.xfs", "-q", "-m", "bigtime=0,inobtcount=0,reflink=0"),
    "swap": ("mkswap", "-L", "-swap"),
}


def sparse(path):
    with path.open("wb") as file:
        file.truncate(SIZE_BYTES)
    return path


def head_of(path):
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def made(path, command):
    program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin")
    assert program, f"install what has {command[0]}: e2fsprogs, xfsprogs, util-linux"
    subprocess.run([program, *command[1:], sparse(path)], check=True, capture_output=True, timeout=60)
    return path


@pytest.mark.parametrize("command", MADE.values(), ids=MADE)
def test_what_is_made_anew_is_told_as_what_was_there(tmp_path, command):
    found = file_system.told(head_of(made(tmp_path / "disk", command)))
    assert found is not None
    file_system.make(sparse(tmp_path / "other"), found)
    assert file_system.told(head_of(tmp_path / "other")) == found
    assert (tmp_path / "other").stat().st_size == SIZE_BYTES


def test_type_label_and_block_size_are_told(tmp_path):
    found = file_system.told(
        head_of(made(tmp_path / "disk", ("mkfs.ext4", "-q", "-b", "4096", "-L", "data")))
    )
    assert found is not None
    assert (found.kind, found.label, found.block_bytes) == ("ext4", "data", 4096)


@pytest.mark.parametrize("mark", [(0, b"LUKS\xba\xbe"), (512, b"EFI PART"), (512, b"LABELONE")])
def test_a_superblock_that_is_left_from_before_counts_for_nothing(tmp_path, mark):
    at, text = mark
    head = bytearray(head_of(made(tmp_path / "disk", MADE["ext4"])))
    head[at : at + len(text)] = text
    assert file_system.told(bytes(head)) is None


def test_a_disk_with_partitions_has_no_file_system_of_its_own(tmp_path):
    head = bytearray(head_of(made(tmp_path / "disk", MADE["ext4"])))
    head[510:512] = b"\x55\xaa"
    assert file_system.told(bytes(head)) is not None, "a boot sector without partitions"
    head[446 + 4] = 0x83
    assert file_system.told(bytes(head)) is None


@given(st.binary(max_size=HEAD_BYTES), st.sampled_from(["ext4", "xfs", "swap"]))
def test_whatever_a_guest_writes_there_is_judged(noise, kind):
    marks = {"ext4": (1024 + 0x38, b"\x53\xef"), "xfs": (0, b"XFSB"), "swap": (4086, b"SWAPSPACE2")}
    at, text = marks[kind]
    head = bytearray(noise.ljust(HEAD_BYTES, b"\xff"))
    head[at : at + len(text)] = text
    found = file_system.told(bytes(head))
    if found is not None:
        assert found.block_bytes in (0, 1024, 2048, 4096)
        assert found.label.isprintable()
        assert len(found.label.encode()) <= LONGEST_LABEL


def test_a_type_that_is_not_known_here_is_refused(tmp_path):
    wanted = FileSystem("btrfs", "1cf9e135-8083-48b8-9fee-7109cc3e30a7")
    assert not file_system.is_makeable("btrfs")
    with pytest.raises(errors.ImageProblem, match="btrfs"):
        file_system.make(sparse(tmp_path / "disk"), wanted)


def test_what_the_program_said_is_told(tmp_path):
    (tmp_path / "disk").write_bytes(b"")
    wanted = FileSystem("xfs", "1cf9e135-8083-48b8-9fee-7109cc3e30a7", block_bytes=4096)
    with pytest.raises(errors.ImageProblem, match=r"mkfs\.xfs could not make a file system"):
        file_system.make(tmp_path / "disk", wanted)


def allocated(path):
    return path.stat().st_blocks * 512


def ext3(*features):
    return FileSystem("ext3", str(uuid.uuid4()), "data", 4096, ("has_journal", "sparse_super", *features))


def test_a_large_one_of_an_old_kind_takes_little(tmp_path):
    """It took 2 % of the size, which filled a store to the last byte."""
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(1024 * GiB)
    file_system.make(tmp_path / "disk", ext3())
    assert allocated(tmp_path / "disk") < 200 * MiB
    subprocess.run(["/usr/sbin/e2fsck", "-fn", tmp_path / "disk"], check=True, capture_output=True)


def test_one_that_takes_too_much_is_given_up_and_leaves_an_empty_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(file_system, "SHARE", 1 << 60)
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(64 * 1024 * GiB // 8)
    with pytest.raises(errors.ImageProblem, match="takes too much"):
        file_system.make(tmp_path / "disk", ext3())
    assert (allocated(tmp_path / "disk"), (tmp_path / "disk").stat().st_size) == (0, 8 * 1024 * GiB)


def test_a_program_that_does_not_know_of_empty_files_makes_it_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(file_system, "PREZEROED", ",no_such_option=1")
    file_system.make(sparse(tmp_path / "disk"), ext3())
    found = file_system.told(head_of(tmp_path / "disk"))
    assert found is not None
    assert found.kind == "ext3"
