"""A machine whose disks stand on almost as many files as its host's libvirt takes is told of before."""

import pytest

from rig.appliances.runs import fail_over
from rig.images import qemu_img
from secondsite.appliance.orders import live_chains
from secondsite.appliance.shared import CHAIN_LONG
from secondsite.datapath.disks import same_files

pytestmark = pytest.mark.slow


def told(site, machine_id, findings):
    live_chains.look(site.fabric, site.appliance.replication, site.appliance.host)
    return [each.what for each in findings.all() if each.code == CHAIN_LONG]


def deepened(path, files):
    """Names in the headers alone: the disk of a machine that its owner snapshotted again and again."""
    chain = [path.with_name(f"{path.stem}-below-{number}.qcow2") for number in range(files - 1)]
    for below, above in zip([*chain[1:], None], chain, strict=True):
        on = ["-u", "-b", str(below), "-F", "qcow2"] if below else []
        qemu_img("create", "-f", "qcow2", *on, str(above), "4M")
    qemu_img("rebase", "-u", "-f", "qcow2", "-b", str(chain[0]), "-F", "qcow2", str(path))


def test_files_are_counted_through_the_headers_as_far_as_they_can_be_read(tmp_path):
    top = tmp_path / "top.qcow2"
    qemu_img("create", "-f", "qcow2", str(top), "4M")
    assert same_files.count(top) == 1
    deepened(top, 5)
    assert same_files.count(top) == 5
    assert same_files.count(tmp_path / "missing") == 0


def test_a_protected_machine_on_many_files_is_told_of_until_they_are_merged(pair, monkeypatch):
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    assert told(pair.source, pair.machine_id, source.findings) == []
    monkeypatch.setattr(live_chains, "MOST_FILES", 0)
    (what,) = told(pair.source, pair.machine_id, source.findings)
    assert "Disk vda of" in what
    assert "stands on 1 files" in what
    for _ in range(2):
        pair.point_now()
    assert CHAIN_LONG in [each.code for each in source.findings.all()], "cycles know nothing of it"
    monkeypatch.undo()
    assert told(pair.source, pair.machine_id, source.findings) == []


def test_a_machine_that_was_failed_over_is_told_of_too(pair, monkeypatch):
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    hosted = pair.target.replica(pair.machine_id)
    assert told(pair.target, pair.machine_id, hosted.findings) == []
    monkeypatch.setattr(live_chains, "MOST_FILES", 2)
    assert "vda" in told(pair.target, pair.machine_id, hosted.findings)[0]
