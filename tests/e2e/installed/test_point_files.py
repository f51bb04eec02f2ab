"""Files of a point are read on a host as deploy/install leaves it: by a unit with few rights, with Debian's
own kernel and programs, and with what it lacks named."""

import shutil
import tarfile

import pytest

from guestkit import kernels
from rig import ext4_disks
from tests.e2e.installed.support_life import IN_TURN, MARKS
from tests.support import policies

pytestmark = [*MARKS, IN_TURN]
FILES = {"etc/hosts": "127.0.0.1 localhost\n", "etc/deep/x": "deep"}


@pytest.fixture(scope="module")
def rig(new_rig, tmp_path_factory):
    """web01 has a second disk with files."""
    rig = new_rig.open()
    machine = rig.make_guest("web01")
    machine.console.wait_for_boot(within_seconds=240)
    made = tmp_path_factory.mktemp("guest")
    (made / "raw").write_bytes(ext4_disks.disk(made, FILES))
    inside = "/var/lib/libvirt/images/data.raw"
    shutil.copy(made / "raw", rig.hosts["a"].path(inside))
    rig.virsh("a", "attach-disk", "web01", inside, "vdb", "--persistent", "--subdriver", "raw")
    with rig.client() as vault:
        vault.policies.create(**policies.quick().model_dump())
    done = rig.cli(*"machine enable-protection web01 --source a --target b --policy quick".split())
    assert done.returncode == 0, done
    rig.new_points("web01")
    return rig


def test_a_host_without_a_kernel_of_its_own_says_what_to_install(rig):
    said = listed(rig)
    assert said.returncode != 0
    assert "apt install linux-image" in said.stdout + said.stderr


def test_files_are_listed_and_come_to_whoever_asks(rig):
    root = kernels.installed()
    for part in ("boot", "lib/modules"):
        found = root / part if (root / part).is_dir() else root / "usr" / part
        shutil.copytree(found, rig.hosts["b"].path(f"/{part}"), dirs_exist_ok=True)
    # what a unit may not see is settled at its start: what comes later it sees, until it is started again
    rig.hosts["b"].run("systemctl", "restart", "secondsite-appliance")
    rig.wait_connected()
    said = listed(rig)
    assert said.returncode == 0, said
    assert "ext4" in said.stdout
    said = rig.cli("point", "fetch-files", "web01", newest(rig), "vdb/etc", "--output", "/root/etc.tar")
    assert said.returncode == 0, said
    with tarfile.open(rig.hosts["vault"].path("/root/etc.tar")) as got:
        assert sorted(each.name for each in got) == ["etc", "etc/deep", "etc/deep/x", "etc/hosts"]


def newest(rig):
    return rig.points("web01")[-1].id


def listed(rig):
    return rig.cli("point", "list-files", "web01", newest(rig))
