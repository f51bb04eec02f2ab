"""What is no file is not read, whatever it is called."""

import os

import pytest

from rig import loop_devices
from secondsite.ground import real_files
from secondsite.ground.units import MiB


def test_a_file_is_read_as_a_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"all of it")
    assert real_files.content(tmp_path / "file") == b"all of it"
    (tmp_path / "link").symlink_to("file")
    assert real_files.content(tmp_path / "link") == b"all of it"


def test_a_pipe_is_not_waited_for_and_a_device_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless", "."):
        with pytest.raises(OSError, match="no file"):
            real_files.content(tmp_path / name)


def test_no_more_is_read_than_can_be_meant(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 64 MiB"):
        real_files.content(tmp_path / "large")


def test_what_is_written_to_a_device_is_counted_also_before_it_leaves_the_host_s_cache(tmp_path):
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 * MiB))
    device = loop_devices.begin(file)
    try:
        before = real_files.device_use(device)
        assert before is not None
        assert before.size_bytes == 1 * MiB
        assert real_files.device_use(device) == before
        held = os.open(device, os.O_WRONLY)
        os.pwrite(held, b"x" * 4096, 8192)
        after = real_files.device_use(device)
        os.close(held)
        assert after == before._replace(written=before.written + 8)
    finally:
        loop_devices.end(device)
    assert real_files.device_use(file) is None
    assert real_files.device_use(tmp_path / "none") is None


def test_a_device_is_told_from_another_one_at_its_path(tmp_path):
    """Which one a name like /dev/sdb leads to is another matter after a reboot."""
    for each in ("ours", "theirs"):
        (tmp_path / each).write_bytes(bytes(1 * MiB))
    path = tmp_path / "sdb"
    ours, theirs = (loop_devices.begin(tmp_path / each) for each in ("ours", "theirs"))
    try:
        path.symlink_to(ours)
        name = real_files.device_name(path)
        assert name == str(tmp_path / "ours")
        assert real_files.device_away(path, name) == ""
        path.unlink()
        path.symlink_to(theirs)
        other = real_files.device_away(path, name)
        assert other == (
            f"is another device now: {tmp_path}/theirs, where {name} is expected, which is {ours} now"
        )
        assert real_files.device_away(path, "") == "", "nothing named it"
        loop_devices.end(theirs)
        assert real_files.device_away(path, name) == "has no device behind it"
        path.unlink()
        assert real_files.device_away(path, name) == "is not there (No such file or directory)"
        path.write_bytes(b"a file")
        assert real_files.device_away(path, name) == "is no block device any more"
        assert real_files.device_name(path) == ""
    finally:
        loop_devices.end(ours)
        loop_devices.end(theirs)
