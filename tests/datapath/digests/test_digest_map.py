import os
import random
import shutil

import pytest
import xxhash

from secondsite.datapath import errors
from secondsite.datapath.digests.digest_map import DigestMap, RunningDigest
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.ground import real_files
from secondsite.ground.units import GiB

SIZE = 40 * BLOCK_BYTES + 4608


def plain(data):
    return b"".join(
        xxhash.xxh3_128_digest(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)
    )


@pytest.fixture
def digests(tmp_path):
    digests = DigestMap.create(tmp_path / "a.map", SIZE, epoch=1, seq=0)
    yield digests
    digests.close()


def test_an_empty_map_is_that_of_zeros_and_occupies_next_to_nothing(tmp_path):
    large = DigestMap.create(tmp_path / "large.map", 1024 * GiB, epoch=1, seq=0)
    assert large.path.stat().st_size > 200 * 1024 * 1024
    assert large.path.stat().st_blocks * 512 < 64 * 1024
    assert large.region(512 * GiB, 2 * BLOCK_BYTES) == plain(bytes(2 * BLOCK_BYTES))
    large.close()


def test_random_writes_give_the_digests_of_the_content(digests):
    choose, disk = random.Random(3), bytearray(SIZE)
    for _ in range(60):
        start = choose.randrange(0, 41) * BLOCK_BYTES
        end = min(start + choose.randrange(1, 6) * BLOCK_BYTES, SIZE)
        if choose.random() < 0.4:
            disk[start:end] = bytes(end - start)
            digests.zero(start, end - start)
        else:
            disk[start:end] = choose.randbytes(end - start)
            digests.write(start, disk[start:end])
    assert digests.region(0, SIZE) == plain(disk)
    running = RunningDigest()
    running.data(disk)
    assert running.hexdigest() == digests.digest()


def test_zeros_that_came_as_data_count_as_zeros(digests):
    digests.write(0, b"x" * BLOCK_BYTES)
    digests.write(0, bytes(BLOCK_BYTES))
    running = RunningDigest()
    running.zeros(SIZE)
    assert digests.digest() == running.hexdigest()


def test_the_mark_tells_which_state_a_map_describes(digests, tmp_path):
    digests.mark(2, 17)
    again = DigestMap(digests.path)
    assert again.describes(SIZE, 2, 17)
    assert again.describes(SIZE, 2, 16, 17)
    assert not again.describes(SIZE, 1, 17)
    assert not again.describes(SIZE + 1, 2, 17)
    again.close()


def test_a_copy_of_a_map_tells_nothing(digests, tmp_path):
    digests.mark(2, 17)
    for copy in (shutil.copy, os.link):
        path = tmp_path / f"{copy.__name__}.map"
        copy(digests.path, path)
        again = DigestMap(path)
        assert again.is_copy == (copy is shutil.copy)
        assert again.describes(SIZE, 2, 17) == (not again.is_copy)
        again.close()


def test_a_copy_that_got_the_number_of_the_file_that_it_replaced_tells_nothing_either(digests):
    """ext4 gives the number of a removed file to the next one: a backup that was put back passed for what
    it replaced."""
    digests.mark(2, 17)
    with digests.path.open("r+b") as file:
        number, named = os.fstat(file.fileno()).st_ino, real_files.file_id(file.fileno())
        if named == number:
            pytest.skip("this file system does not tell a file from the one that had its number before")
        file.seek(40)
        file.write((named ^ 1 << 32).to_bytes(8, "little"))  # the same number, given another time
    again = DigestMap(digests.path)
    assert again.is_copy
    again.close()


def test_a_map_of_a_former_release_is_believed_and_names_itself_from_its_next_mark_on(digests):
    digests.mark(2, 17)
    with digests.path.open("r+b") as file:
        file.seek(40)
        file.write(bytes(8))
    former = DigestMap(digests.path)
    assert former.describes(SIZE, 2, 17)
    former.mark(2, 18)
    former.close()
    shutil.copy(digests.path, digests.path.with_name("copy.map"))
    copy = DigestMap(digests.path.with_name("copy.map"))
    assert copy.is_copy
    copy.close()


def test_what_is_no_map_is_refused(tmp_path):
    path = tmp_path / "x.map"
    path.write_bytes(os.urandom(100))
    with pytest.raises(errors.ImageProblem, match="not a digest map"):
        DigestMap(path)
    path.write_bytes(b"")
    with pytest.raises(errors.ImageProblem):
        DigestMap(path)


def test_a_range_outside_the_disk_is_refused(digests):
    for offset, length in ((1, 10), (0, SIZE + 1), (-BLOCK_BYTES, BLOCK_BYTES)):
        with pytest.raises(errors.ImageProblem):
            digests.region(offset, length)
