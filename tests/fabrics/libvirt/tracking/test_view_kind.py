"""A view says of what kind it is, and why it is not the one that is preferred."""

import dataclasses
import os

import pytest

from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import RunningView
from secondsite.fabrics.libvirt.host import inventory
from secondsite.fabrics.libvirt.tracking import filter_view, shared_storage

pytestmark = pytest.mark.slow
V2 = ("qcow2", "-o", "compat=0.10")


@pytest.mark.parametrize(
    ("preferred", "disks", "kind", "reason"),
    [
        ("backup-job", ("qcow2",), "backup-job", None),
        ("backup-job", ("raw",), "filter", "vda: no bitmap is kept in such a disk"),
        ("backup-job", V2, "filter", "vda: no bitmap is kept in such a disk"),
        ("automatic", ("qcow2",), "filter", None),
        ("automatic", ("raw",), "filter", None),
        ("filter", ("qcow2",), "filter", None),
        ("filter", ("raw",), "filter", None),
    ],
)
def test_a_view_says_how_it_was_opened(host, preferred, disks, kind, reason):
    with host.viewed_by(preferred, *disks):
        fabric_id = steps.protected(host, "kind")
        with steps.view(host, fabric_id, None) as session:
            assert session.how == RunningView(kind, reason)
        steps.stopped(host, fabric_id)
        with steps.view(host, fabric_id, None) as session:
            assert session.how is None


def test_where_filters_are_preferred_and_cannot_be_it_says_why(host, monkeypatch):
    with host.viewed_by("filter"):
        fabric_id = steps.protected(host, "kind")
        domain = host.domain(fabric_id)
        (disk,) = inventory.live_disks(domain)
        kinds = host.fabric.tracking._kinds  # noqa: SLF001
        kind, reason = kinds.of(domain, [dataclasses.replace(disk, encrypted=True)])
        assert (kind.name, "secrets of encrypted disks" in reason) == ("backup-job", True)
        monkeypatch.setattr(filter_view, "SINCE", (99, 0))
        kind, reason = kinds.of(domain, [disk])
        assert (kind.name, reason) == ("backup-job", "its QEMU is older than 99.0")


@pytest.mark.parametrize(("wanted", "kind"), [("automatic", "backup-job"), ("filter", "filter")])
def test_a_machine_that_may_be_migrated_has_a_backup_job_unless_filters_are_asked_for(
    host, monkeypatch, tmp_path, wanted, kind
):
    """The table of mounts is as that of a host with NFS."""
    with host.viewed_by(wanted):
        fabric_id = steps.protected(host, "kind")
        device = os.stat(host.images).st_dev
        table = tmp_path / "mountinfo"
        table.write_text(
            f"36 35 {os.major(device)}:{os.minor(device)} / /images rw shared:1 - nfs4 filer:/images rw\n"
        )
        monkeypatch.setattr(shared_storage, "TABLE", table)
        with steps.view(host, fabric_id, None) as session:
            assert session.how is not None
            assert session.how.kind == kind
            assert (session.how.reason is None) is (wanted == kind)


def test_without_a_table_of_mounts_nothing_is_taken_for_shared(monkeypatch, tmp_path):
    assert not shared_storage.is_shared(tmp_path)
    monkeypatch.setattr(shared_storage, "TABLE", tmp_path / "none")
    assert not shared_storage.is_shared(tmp_path)
    assert not shared_storage.is_shared(tmp_path / "gone")
