"""A merge that the storage daemon does, and what becomes of it when the daemon dies in its middle."""

import os
import signal

import pytest

from rig.eventually import eventually
from secondsite.datapath import errors
from secondsite.datapath.disks import image
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.replica.chain import chain as layers
from secondsite.datapath.replica.chain import commit_encrypted
from secondsite.ground.units import MiB
from tests.datapath.support_chain import read_raw, write_image

pytestmark = pytest.mark.slow


@pytest.fixture
def chain(tmp_path):
    """A base of zeros, and an overlay of which one megabyte is written."""
    base, top = tmp_path / "base.qcow2", tmp_path / "top.qcow2"
    image.create(base, 4 * MiB)
    image.create_overlay(top, base, "qcow2", 4 * MiB)
    write_image(top, MiB, 2 * MiB)
    return [layers.ChainFile("b", base), layers.ChainFile("top", top)]


class ShortLived(StorageDaemon):
    """Dies once, right after it began to merge."""

    died_at = None

    def qmp(self, command, **arguments):
        answer = super().qmp(command, **arguments)
        if command == "block-commit" and self.died_at is None:
            self.died_at = self.generation
            assert self.pid is not None
            os.kill(self.pid, signal.SIGKILL)
            eventually(self.died)
        return answer


def test_a_merge_whose_daemon_was_replaced_says_so_and_may_be_repeated(tmp_path, chain):
    daemon = ShortLived(tmp_path / "daemon")
    try:
        with pytest.raises(errors.StorageDaemonGone, match="died while it merged") as refused:
            commit_encrypted.into(daemon, "m-", chain, "b")
        assert "Repeat" in refused.value.do
        assert daemon.nodes("") == []
        commit_encrypted.into(daemon, "m-", chain, "b")
        assert daemon.died_at is not None
        assert daemon.generation == daemon.died_at + 1
        assert read_raw(chain[0].path, tmp_path)[2 * MiB : 3 * MiB] == b"\x5a" * MiB
    finally:
        daemon.stop()
