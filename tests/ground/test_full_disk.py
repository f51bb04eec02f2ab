"""What counts as a full file system, and what happens on a real one."""

import errno
import os
import subprocess

import pytest

from secondsite.ground import full_disk
from secondsite.ground.units import KiB, MiB


@pytest.fixture
def small(tmp_path):
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(words, capture_output=True, timeout=20, check=False).returncode:
        pytest.skip("no right to mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True, timeout=20)


def written(path, data, free_space):
    view = memoryview(data)
    with path.open("wb", buffering=0) as file:
        while view:
            view = view[full_disk.write(file, view, free_space) :]


def test_a_write_to_a_full_file_system_goes_on_when_something_gives_way(small):
    (small / "old").write_bytes(bytes(512 * KiB))

    def free_space():
        gone = (small / "old").exists()
        (small / "old").unlink(missing_ok=True)
        return gone

    data = os.urandom(800 * KiB)
    written(small / "new", data, free_space)
    assert (small / "new").read_bytes() == data


def test_a_write_fails_when_nothing_can_go(small):
    with pytest.raises(OSError) as failed:
        written(small / "new", bytes(2 * MiB), full_disk.nothing_to_free)
    assert full_disk.is_full(failed.value)
    assert full_disk.is_said_in(str(failed.value))
    assert full_disk.takes_no_more(failed.value)


@pytest.mark.parametrize(
    ("number", "full", "no_more"), [("EDQUOT", True, True), ("EFBIG", False, True), ("EIO", False, False)]
)
def test_a_used_up_quota_is_full_and_a_broken_disk_is_not(number, full, no_more):
    error = OSError(getattr(errno, number), os.strerror(getattr(errno, number)))
    assert (full_disk.is_full(error), full_disk.takes_no_more(error)) == (full, no_more)
    assert full_disk.is_said_in(f"qemu-img: error while writing: {error.strerror}") == full
