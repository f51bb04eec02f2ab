"""What is no file is not read, whatever it is called."""

import os

import pytest

from secondsite.ground import real_files


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
