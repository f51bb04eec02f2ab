"""Cycles that come as files through an inbox and stay in the journal, and what the disks held after each."""

from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from tests.datapath.support_chain import read_raw


class Recorder:
    """Sends the cycles of a Source to a replica as an appliance does; `held` is the truth by cycle number."""

    def __init__(self, replica, source):
        self.replica, self.source = replica, source
        self.held = {}

    def file(self, point_id=None, writes=4, **more):
        header, frames = self.source.cycle(point_id, writes, **more)
        self.held[header.seq] = self.source.copy()
        path = cycle_file.write(self.replica.files.inbox, header, map(encoded, frames))
        return header, path

    def cycle(self, point_id=None, **more):
        """One processed cycle; whether its file was kept."""
        header, path = self.file(point_id, **more)
        self.replica.apply(*cycle_file.read(path))
        return self.replica.retire(path, header.epoch, header.seq)


def encoded(frame):
    if frame.zero:
        return codec.encode_zero(frame.disk, frame.offset, frame.length)
    return codec.encode_data(Choice(), frame.disk, frame.offset, memoryview(frame.data))


def content(paths, scratch):
    """What plain qemu-img reads of a run's disks."""
    return {key: read_raw(path, scratch) for key, path in paths.items()}


def points_before(replica, seq):
    """Points that a cycle can be recovered from, newest first."""
    found = [(p.manifest.seq, p.point_id) for p in replica.points() if p.manifest.seq < seq]
    return [point_id for _, point_id in sorted(found, reverse=True)]
