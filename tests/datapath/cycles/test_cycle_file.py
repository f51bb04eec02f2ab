"""Cycle files: order, durability, and damage that is named."""

import os
import stat

import pytest

from secondsite.datapath.cycles import cycle_file, inbox
from secondsite.datapath.cycles.cycle_file import CycleHeader
from secondsite.datapath.errors import CycleDamaged, ProtocolViolated
from secondsite.datapath.extents import CHUNK_BYTES
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import content_of, cycle_header, disk_content

SIZE = 3 * MiB


def written(folder, seq=1, content=None):
    content = content or disk_content(SIZE)
    frames = (
        frame
        for at in range(0, len(content), CHUNK_BYTES)
        for frame in codec.encode(Choice(), 0, at, content[at : at + CHUNK_BYTES])
    )
    return cycle_file.write(folder, cycle_header(len(content), seq=seq), frames)


def drain(path):
    header, frames = cycle_file.read(path)
    for _frame in frames:
        pass
    return header


def test_a_cycle_file_gives_back_header_and_frames(tmp_path):
    content = disk_content(SIZE)
    path = written(tmp_path, content=content)
    assert path.name == "1-1.cycle"
    assert cycle_file.verify(path) == cycle_header(SIZE)
    assert content_of(path, SIZE) == [content]
    disk, offset, length, zero, data = next(cycle_file.read(path)[1])
    assert (disk, offset, zero, len(data)) == (0, 0, False, length)


def test_files_are_listed_in_the_order_of_their_numbers(tmp_path):
    for seq in (10, 9, 100, 1):
        written(tmp_path, seq)
    (tmp_path / ".1-101.aa.part").write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert [(epoch, seq) for epoch, seq, _ in inbox.scan(tmp_path)] == [
        (1, 1),
        (1, 9),
        (1, 10),
        (1, 100),
    ]
    assert inbox.scan(tmp_path / "absent") == []


def test_leftovers_are_cleared_and_complete_cycles_stay(tmp_path):
    written(tmp_path)
    (tmp_path / ".1-2.aa.part").write_bytes(b"half")
    assert inbox.clear_parts(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["1-1.cycle"]


def test_a_cycle_that_fails_to_be_written_leaves_nothing(tmp_path):
    def frames():
        yield codec.encode_zero(0, 0, 64 * KiB)
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="gone"):
        cycle_file.write(tmp_path, cycle_header(SIZE), frames())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_damage_anywhere_is_found_and_named(tmp_path):
    path = written(tmp_path)
    sound = path.read_bytes()
    step = max(1, len(sound) // 300)
    for at in [*range(200), *range(200, len(sound), step), len(sound) - 1]:
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        with pytest.raises(CycleDamaged) as damaged:
            drain(path)
        assert str(path) in damaged.value.message
        assert "at byte" in damaged.value.message


def test_a_file_cut_short_anywhere_is_found(tmp_path):
    path = written(tmp_path)
    size = path.stat().st_size
    for length in [*range(0, 300, 7), size // 2, size - 100, size - 1]:
        path = written(tmp_path)
        os.truncate(path, length)
        with pytest.raises(CycleDamaged):
            drain(path)


def test_a_file_that_lacks_a_whole_frame_is_found(tmp_path):
    def frames(count):
        return (codec.encode_zero(0, number * 64 * KiB, 64 * KiB) for number in range(count))

    path = cycle_file.write(tmp_path, cycle_header(SIZE), frames(3))
    one_frame = 48
    sound = path.read_bytes()
    begin = sound.index(codec.encode_zero(0, 0, 64 * KiB).head)
    path.write_bytes(sound[:begin] + sound[begin + one_frame :])
    with pytest.raises(CycleDamaged, match="trailer does not match its 2 frames"):
        drain(path)


def test_a_header_survives_json_and_refuses_nonsense():
    header = cycle_header(SIZE, MiB, point={"point_id": "p1", "consistency": "app"}, sync={"vda": 3})
    assert CycleHeader.from_json(header.to_json()) == header
    for change in ({"seq": -1}, {"epoch": "1"}, {"disks": [{"key": "vda"}]}, {"point": 5}, {"seq": True}):
        with pytest.raises(ProtocolViolated):
            CycleHeader.from_json({**header.to_json(), **change})
    with pytest.raises(ProtocolViolated):
        CycleHeader.from_json({})


def test_a_cycle_is_on_the_disk_before_it_has_its_name_and_the_name_before_it_is_acknowledged(
    tmp_path, monkeypatch
):
    done: list[str] = []

    def told(name, what):
        real = getattr(os, name)

        def noted(*given):
            done.append(f"{name} {what(*given)}")
            return real(*given)

        monkeypatch.setattr(os, name, noted)

    told("fsync", lambda file: "folder" if stat.S_ISDIR(os.fstat(file).st_mode) else os.fstat(file).st_size)
    told("rename", lambda old, new: new.name)
    path = written(tmp_path)
    assert done == [f"fsync {path.stat().st_size}", "rename 1-1.cycle", "fsync folder"]
