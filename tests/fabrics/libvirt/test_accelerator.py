"""The probe guest proves that code ran, not that a device file is there."""

import pytest

from secondsite.fabrics.libvirt.host import accelerator


def probe(tmp_path, content):
    sector = tmp_path / "sector"
    sector.write_bytes(content)
    return accelerator.seconds_to_run("tcg", sector, 20.0)


def test_the_probe_guest_runs_to_its_proof_under_emulation(tmp_path):
    assert probe(tmp_path, accelerator.SECTOR) is not None


@pytest.mark.slow
def test_a_guest_that_does_not_run_our_code_proves_nothing(tmp_path):
    sector = tmp_path / "sector"
    sector.write_bytes(b"\0" * 512)
    assert accelerator.seconds_to_run("tcg", sector, 1.0) is None


def test_kvm_is_tried_once_and_the_answer_is_kept():
    assert accelerator.kvm_usable() is accelerator.kvm_usable()
