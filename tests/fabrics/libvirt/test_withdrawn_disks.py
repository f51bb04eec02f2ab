"""What the hook is told of the disks of withdrawn machines."""

import subprocess

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import withdrawn_disks

ODD = "/srv/a.b[1]*^$\\'\"<&>/disk one.qcow2"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(withdrawn_disks, "FOLDER", tmp_path / "start-veto")
    return tmp_path / "start-veto"


def is_refused(folder, line):
    """As the hook asks."""
    patterns = folder / "m1"
    return subprocess.run(["grep", "-q", "-f", patterns], input=line, text=True, check=False).returncode == 0


def in_libvirts_words(path):
    escaped = path.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("'", "&apos;").replace('"', "&quot;")


@pytest.mark.parametrize("path", ["/srv/web01.qcow2", ODD])
def test_a_disk_is_known_by_its_path_alone_and_only_where_it_is_a_machines_own(folder, path):
    withdrawn_disks.forbid("m1", [path])
    written = in_libvirts_words(path)
    assert is_refused(folder, f"      <source file='{written}' index='1'/>")
    assert is_refused(folder, f"    <source dev='{written}'/>")
    assert not is_refused(folder, f"        <source file='{written}'/>"), "below another it is only read"
    assert not is_refused(folder, f"      <source file='{written}2'/>")
    assert not is_refused(folder, f"      <source file='{written.replace('.', 'x')}'/>")
    withdrawn_disks.allow("m1")
    withdrawn_disks.allow("m1")
    assert not (folder / "m1").exists()


def test_without_the_right_to_write_there_it_is_said_what_to_do(folder):
    folder.write_text("a file where the folder should be")
    with pytest.raises(errors.FabricError, match="cannot be written") as told:
        withdrawn_disks.forbid("m1", ["/srv/web01.qcow2"])
    assert "retry the job" in told.value.do
