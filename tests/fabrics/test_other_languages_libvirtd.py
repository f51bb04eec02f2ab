"""A libvirtd that speaks another language than ours: what happened is told by codes and states, never by
words."""

import subprocess

import pytest

from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.tracking import job_lifeline
from tests.support import libvirtd

pytestmark = pytest.mark.slow

LOCALE = "uk_UA"
IN_ENGLISH = "no domain with matching uuid"


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True, locale=LOCALE) as daemon, libvirtd.hosted(daemon) as host:
        yield host


def said(host, *words):
    """The error of a command of the owner's."""
    done = subprocess.run(["virsh", "-c", host.uri, *words], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr


def test_this_daemon_does_not_speak_english(host):
    assert IN_ENGLISH not in said(host, "dominfo", "c0ffee00-0000-4000-8000-000000000000")


def lose_bitmaps(host, fabric_id):
    """As a killed QEMU, or another program, does."""
    for device in host.qmp(fabric_id, "query-block")["return"]:
        for bitmap in device.get("inserted", {}).get("dirty-bitmaps", ()):
            node = device["inserted"]["node-name"]
            host.qmp(fabric_id, "block-dirty-bitmap-remove", node=node, name=bitmap["name"])


def test_a_lost_bitmap_leaves_no_checkpoint_behind(host):
    fabric_id = steps.protected(host, "lost")
    base = steps.checkpoint(host, fabric_id)
    lose_bitmaps(host, fabric_id)
    host.fabric.tracking.acknowledge(fabric_id, None)
    assert host.domain(fabric_id).listAllCheckpoints() == []
    for _ in range(3):  # and not one more with each cycle
        base = steps.checkpoint(host, fabric_id, base)
    assert [each.getName() for each in host.domain(fabric_id).listAllCheckpoints()] == [base]
    host.fabric.power.stop(fabric_id)
    assert steps.our_bitmaps(host, fabric_id) == [base]


def test_a_bitmap_that_is_lost_beside_a_view_leaves_none_behind(host):
    fabric_id = steps.protected(host, "beside")
    base = steps.checkpoint(host, fabric_id)
    with steps.view(host, fabric_id, base) as session:
        pass
    host.qmp(fabric_id, "block-dirty-bitmap-remove", node=top(host, fabric_id), name=base)
    host.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
    assert [each.getName() for each in host.domain(fabric_id).listAllCheckpoints()] == [session.checkpoint]


def top(host, fabric_id):
    (device,) = [each for each in host.qmp(fabric_id, "query-block")["return"] if "inserted" in each]
    return device["inserted"]["node-name"]


def test_a_watchdog_knows_that_there_is_nothing_to_end(host):
    """Else it asks for ten minutes, ten times a second."""
    fabric_id = steps.running(host, "watched")
    end = job_lifeline.end_by_virsh
    assert end(host.uri, fabric_id, "/run/ours")
    host.fabric.power.stop(fabric_id)
    assert end(host.uri, fabric_id, "/run/ours")
    host.domain(fabric_id).undefine()
    assert end(host.uri, fabric_id, "/run/ours")
    assert not end("qemu+unix:///system?socket=/nowhere", fabric_id, "/run/ours")
