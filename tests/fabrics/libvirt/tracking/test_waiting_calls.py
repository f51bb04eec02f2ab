"""Which daemon is asked whether calls wait in it."""

import pytest

from secondsite.fabrics.libvirt.tracking import waiting_calls


@pytest.mark.parametrize(
    ("admin_sockets", "named", "asked"),
    [
        (("libvirt-admin-sock",), "", "libvirtd"),
        (("virtqemud-admin-sock",), "", "virtqemud"),
        (("virtqemud-admin-sock", "libvirt-admin-sock"), "", "virtqemud"),  # virtproxyd has the other one
        (("virtqemud-admin-sock", "libvirt-admin-sock"), "libvirt-sock", "virtqemud"),
        (("virtqemud-admin-sock",), "virtqemud-sock", "virtqemud"),
        (("libvirt-admin-sock",), "another-sock", None),
        ((), "", None),
    ],
)
def test_the_daemon_is_asked_in_which_calls_about_machines_wait(
    tmp_path, monkeypatch, admin_sockets, named, asked
):
    monkeypatch.setattr(waiting_calls, "RUN", tmp_path)
    for name in admin_sockets:
        (tmp_path / name).touch()
    uri = "qemu:///system" + (f"?socket={tmp_path / named}" if named else "")
    command = waiting_calls.question(uri)
    assert (command and command[-1]) == asked
