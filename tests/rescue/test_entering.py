"""What an appliance kept to itself is opened for QEMU's user, just to pass; what is another's is not."""

import os
import stat
import subprocess

import pytest

from secondsite.rescue.problems import Problem
from secondsite.rescue.running import by_libvirt

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can look as somebody else")
QEMU = (64055, 64055)
AS_QEMU = ["setpriv", f"--reuid={QEMU[0]}", f"--regid={QEMU[1]}", "--clear-groups"]


@pytest.fixture
def home(tmp_path):
    """An appliance's own folder with a store in it, as its umask makes them."""
    tmp_path.chmod(0o711)
    home = tmp_path / "appliance"
    (home / "store" / "replicas" / "m1" / "disks").mkdir(parents=True)
    for folder in (home, *home.rglob("*")):
        folder.chmod(0o700)
    (home / "appliance.json").touch()
    return home


def seen(path, *what):
    done = subprocess.run(
        [*AS_QEMU, *(what or ("stat",)), path], capture_output=True, timeout=10, check=False
    )
    return done.returncode == 0


def test_qemu_passes_through_the_folders_of_a_store_and_looks_into_none(home):
    disks = home / "store" / "replicas" / "m1" / "disks"
    (disks / "0.qcow2").touch()
    assert not seen(disks / "0.qcow2")
    by_libvirt.let_in(QEMU, home / "store", [disks, disks / ".." / "disks"])
    assert seen(disks / "0.qcow2")
    assert [seen(folder, "ls") for folder in (disks, home / "store", home)] == [False, False, False]
    assert stat.S_IMODE(home.stat().st_mode) == 0o710


def test_a_folder_of_somebody_else_is_named_and_left_alone(home, tmp_path):
    tmp_path.chmod(0o700)
    with pytest.raises(Problem, match=f"may not enter {tmp_path},") as told:
        by_libvirt.let_in(QEMU, home / "store", [home / "store"])
    assert f"chmod o+x {tmp_path}" in told.value.do
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_root_and_whoever_asks_need_nothing(home):
    for user in (None, (0, 0)):
        by_libvirt.let_in(user, home / "store", [home / "store"])
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
