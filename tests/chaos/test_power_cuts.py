"""Power cuts on a recorded disk: what was flushed survives every one, what was not is lost by some.

`./dev chaos --power-cuts 1000` cuts more often, after every verb.
"""

import random

import pytest

from chaos.power_cuts import cutting, write_log
from chaos.power_cuts.cut_image import CutImages
from chaos.power_cuts.recorded_disk import RecordedDisk, mounted
from rig.small_store import NoRight
from secondsite.ground import durable
from secondsite.ground.units import MiB

pytestmark = [pytest.mark.slow, pytest.mark.longest]

FILES = 8


@pytest.fixture
def recorded(tmp_path):
    """A disk, and a function that has each file written on it, and gives where the log stood after each."""
    disk = RecordedDisk(tmp_path / "disk", tmp_path / "mounted")

    def told(write, number):
        write(disk.mounted_at / str(number))
        return number, disk.position

    def record(write):
        try:
            with disk.recorded(64 * MiB):
                return [told(write, number) for number in range(FILES)]
        except NoRight as problem:
            pytest.skip(str(problem))

    return disk, record


def lost(disk, told, chance):
    """The files that a cut right after they were told of does not leave whole."""
    requests, found = write_log.read(disk.log), []
    images = CutImages(disk.base, disk.log, requests, disk.folder)
    for number, position in told:
        after = sum(request.begins < position for request in requests)
        with mounted(images.make(max(1, after), chance), disk.mounted_at):
            file = disk.mounted_at / str(number)
            if not file.exists() or file.read_bytes() != bytes([number]) * 5000:
                found.append(number)
    return found


def content(path):
    return bytes([int(path.name)]) * 5000


@pytest.mark.parametrize("chance", [None, random.Random(4)], ids=["whole", "torn"])
def test_a_file_that_was_written_durably_survives_every_cut(recorded, chance):
    disk, record = recorded
    told = record(lambda path: durable.write(path, content(path)))
    assert lost(disk, told, chance) == []


def test_a_file_that_nobody_flushed_is_lost(recorded):
    disk, record = recorded
    told = record(lambda path: path.write_bytes(content(path)))
    assert lost(disk, told, None) == list(range(FILES))


def test_a_file_whose_folder_was_not_flushed_may_be_lost(recorded):
    disk, record = recorded

    def write(path):
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            file.write(content(path))
            durable.sync(file)
        part.rename(path)

    assert lost(disk, record(write), None) != []


@pytest.mark.every
@pytest.mark.timeout(600)
def test_after_every_verb_a_power_cut_leaves_all_that_was_acknowledged(sliced):
    """Each commit cuts elsewhere; the same `--slice` cuts at the same writes."""
    try:
        seen = cutting.run(24, sliced.number, print)
    except NoRight as problem:
        pytest.skip(str(problem))
    assert seen.broken is None, seen.broken
    assert len(seen.cuts) == 24
    assert sum(cut.facts for cut in seen.cuts) > 100
