"""A shipped copy is read from the folders that the appliance names, and so is all that it names itself: it
brings no other file of the host into a replica."""

import pytest

from secondsite.datapath.errors import SeedRefused
from secondsite.datapath.replica.verbs import seed
from tests.datapath.support_chain import qemu_img


@pytest.fixture
def seeds(tmp_path):
    folder = tmp_path / "seeds"
    folder.mkdir()
    qemu_img("create", "-f", "qcow2", folder / "vda.qcow2", "1M")
    qemu_img("create", "-f", "qcow2", tmp_path / "host.qcow2", "1M")
    return folder


def test_a_copy_in_such_a_folder_is_read(seeds):
    assert seed.look(seeds / "vda.qcow2", [seeds]).size_bytes == 1 << 20


@pytest.mark.parametrize("name", ["host.qcow2", "seeds/../host.qcow2", "seeds/link.qcow2"])
def test_what_lies_elsewhere_is_refused_whatever_name_leads_there(seeds, tmp_path, name):
    (seeds / "link.qcow2").symlink_to(tmp_path / "host.qcow2")
    with pytest.raises(SeedRefused, match="is not in a folder that this appliance reads seeds from"):
        seed.look(tmp_path / name, [seeds])


def test_a_copy_that_names_a_file_elsewhere_is_refused(seeds, tmp_path):
    crafted = seeds / "crafted.qcow2"
    qemu_img("create", "-f", "qcow2", "-u", "-F", "qcow2", "-b", tmp_path / "host.qcow2", crafted, "1M")
    with pytest.raises(SeedRefused, match="is not in a folder that this appliance reads seeds from"):
        seed.look(crafted, [seeds])
