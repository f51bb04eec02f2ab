"""Guests' data in an appliance's folders is for the appliance alone."""

import os
import stat
import subprocess

import pytest

from secondsite.appliance.shared import private_folders

AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def store(tmp_path):
    """A store as a mount point comes, with a replica of the first release: everybody may read it."""
    before = os.umask(0o022)
    store = tmp_path / "store"
    (store / "replicas" / "m1" / "disks" / "vda").mkdir(parents=True)
    (store / "replicas" / "m1" / "replica.json").write_text("{}")
    (store / "replicas" / "m1" / "disks" / "vda" / "1.qcow2").write_text("a guest's data")
    (store / "lost+found").mkdir()
    yield store
    os.umask(before)


def _close(store):
    private_folders.make((store,), (store / "replicas",))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can read as somebody else")
def test_nobody_else_reads_a_store_that_was_open_to_all(store, tmp_path):
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(_mode(folder) | 0o011)
    disk = store / "replicas" / "m1" / "disks" / "vda" / "1.qcow2"
    subprocess.run([*AS_NOBODY, "cat", disk], check=True, capture_output=True, timeout=10)

    _close(store)

    assert subprocess.run([*AS_NOBODY, "cat", disk], capture_output=True, timeout=10).returncode != 0
    assert (_mode(store), _mode(disk)) == (0o710, 0o600)


def test_what_qemus_group_may_pass_stays_passable_and_its_files_are_closed(store):
    folder = store / "replicas" / "m1"
    folder.chmod(0o714)
    _close(store)

    assert _mode(folder) == 0o710
    assert {_mode(path) for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_a_crash_in_the_middle_leaves_the_rest_to_the_next_start(store, monkeypatch):
    class Died(Exception):
        pass

    disk = store / "replicas" / "m1" / "disks" / "vda" / "1.qcow2"
    real = private_folders._narrow  # noqa: SLF001  a death in the middle cannot be had from outside

    def dying(path, most):
        if path == disk:
            raise Died
        real(path, most)

    monkeypatch.setattr(private_folders, "_narrow", dying)
    with pytest.raises(Died):
        _close(store)
    assert _mode(disk) == 0o644
    monkeypatch.undo()

    _close(store)

    assert _mode(disk) == 0o600


def test_what_is_not_ours_in_the_mount_point_is_not_touched(store):
    before = _mode(store / "lost+found")
    _close(store)

    assert _mode(store / "lost+found") == before


def test_a_link_is_not_followed(store, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("the administrator's")
    outside.chmod(0o644)
    (store / "replicas" / "link").symlink_to(outside)
    (store / "replicas" / "m1" / "link").symlink_to(outside)

    _close(store)

    assert _mode(outside) == 0o644


def test_a_folder_that_it_makes_on_the_way_lets_everybody_pass_and_one_that_was_there_stays(tmp_path):
    (tmp_path / "srv").mkdir(mode=0o755)
    before = os.umask(0o077)
    try:
        private_folders.make((tmp_path / "srv" / "secondsite" / "deep" / "store",))
    finally:
        os.umask(before)
    shown = [_mode(tmp_path / "srv" / each) for each in ("", "secondsite", "secondsite/deep")]
    assert shown == [0o755, 0o711, 0o711]
    assert _mode(tmp_path / "srv" / "secondsite" / "deep" / "store") == 0o700
