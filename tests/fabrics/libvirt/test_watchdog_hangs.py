"""A watchdog whose virsh hangs, as with a libvirtd that does, tries again until the guest goes on."""

from secondsite.fabrics.libvirt.consistency import lifeline


def test_a_virsh_that_hangs_does_not_end_the_watchdog(tmp_path, monkeypatch):
    hanging = tmp_path / "virsh"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(lifeline, "VIRSH_SECONDS", 0.2)
    assert not lifeline.rescued(("virsh", "resume", "web01"))
    hanging.write_text("#!/bin/sh\nexit 0\n")
    assert lifeline.rescued(("virsh", "resume", "web01"))
