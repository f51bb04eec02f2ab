"""Scratch space that is full as a view is opened is what the operator is told of."""

import contextlib
import os

import pytest

from rig import small_store
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.tracking import view_plan
from secondsite.ground import usage
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow


@pytest.fixture
def small(host, monkeypatch):
    """The host's scratch space."""
    folder = host.root / "small"
    monkeypatch.setattr(host, "scratch_dir", folder)
    try:
        with small_store.on_disk(folder, 16 * MiB, small_store.EXT4):
            yield folder
            host.clear()
    except small_store.NoRight as problem:
        pytest.skip(str(problem))
    folder.rmdir()


def fill(folder):
    with (folder / "foreign").open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, usage.free_bytes(folder) - 64 * KiB)
        file.seek(0, os.SEEK_END)
        with contextlib.suppress(OSError):
            while file.write(bytes(KiB)):
                pass


@pytest.mark.parametrize("kind", ["filter", "backup-job"])
def test_full_scratch_space_is_named_and_replication_goes_on_with_room(host, small, kind):
    with host.viewed_by(kind):
        fabric_id = steps.protected(host, "full")
        base = steps.checkpoint(host, fabric_id)
        fill(small)
        with pytest.raises(errors.ScratchExhausted) as told, steps.view(host, fabric_id, base):
            pytest.fail("the view was opened")
        assert f"Scratch space is full: {small} has" in told.value.message
        assert told.value.do == "Free space on its file system; replication goes on by itself."
        (small / "foreign").unlink()
        with steps.view(host, fabric_id, base) as session:
            assert session.disks


@pytest.mark.parametrize("fills", [True, False], ids=["full", "room"])
def test_where_libvirt_fails_at_scratch_files_full_scratch_space_is_named_if_it_is(
    host, small, monkeypatch, fills
):
    """It says that something at a file failed, in its own language."""
    monkeypatch.setattr(view_plan, "make_scratch", lambda _plan: fill(small) if fills else None)
    with host.viewed_by("backup-job"):
        fabric_id = steps.protected(host, f"missing-{fills}")
        wanted = errors.ScratchExhausted if fills else errors.FabricError
        with pytest.raises(wanted) as told, steps.view(host, fabric_id, None):
            pytest.fail("the view was opened")
    assert "Freezing a view failed" in told.value.message
