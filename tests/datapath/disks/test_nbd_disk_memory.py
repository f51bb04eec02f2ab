"""libnbd 1.14 keeps every buffer it was given; ours are given back."""

from pathlib import Path

from secondsite.datapath.extents import Extent
from secondsite.ground.units import MiB
from tests.datapath.support_channel import disk_content, served_disk


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_was_read_and_written_does_not_stay_in_memory(tmp_path):
    content = disk_content(8 * MiB)
    with served_disk(tmp_path, content) as disk:
        for _offset, _raw in disk.read_many([Extent(0, len(content))]):
            pass
        before = resident_bytes()
        for _ in range(20):
            for offset, raw in disk.read_many([Extent(0, len(content))]):
                assert len(raw) == MiB
                del offset
        assert resident_bytes() - before < 40 * MiB, "of 160 MiB that were read"
