"""A rig leaves nothing of what its appliances told the host's hook."""

from pathlib import Path

from rig import vetoes
from secondsite.fabrics.libvirt.host import withdrawn_disks


def test_what_names_disks_of_the_rig_goes_and_nothing_else(tmp_path, monkeypatch):
    for module in (vetoes, withdrawn_disks):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    for name, path in (("mine", "/var/tmp/ss-a.b/disk.qcow2"), ("other", "/var/tmp/ss-a.bc/disk.qcow2")):
        withdrawn_disks.forbid(name, [path])
    vetoes.remove(Path("/var/tmp/ss-a.b"))
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_it_looks_where_the_hook_does():
    assert vetoes.FOLDER == withdrawn_disks.FOLDER
