"""A machine's UEFI variables and its TPM are as much a part of it as its disks."""

import shlex
import subprocess

import pytest

from rig import Rig, images, machines
from rig.eventually import eventually
from tests.support import command_line, policies, uefi

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
NAME, ENTRY = "uefi01", "Shell of paris"


@pytest.fixture(scope="module")
def folder_of():
    """Where the machine lies at its first site."""
    return lambda rig: rig.home("appliance-a") / "machines" / NAME


@pytest.fixture(scope="module")
def rig(folder_of):
    """A machine at site a that boots the entry which its owner put into its variables."""
    rig = Rig("libvirt", forked=True)

    def furnish(site):
        if site == "a":
            folder = folder_of(rig)
            folder.mkdir(parents=True)
            images.qemu_img("create", "-q", "-f", "qcow2", str(folder / "disk.qcow2"), "16M")
            (folder / "variables.fd").write_bytes(uefi.variables_with_entry(ENTRY))
            said = uefi.domain_xml(
                NAME, folder / "variables.fd", folder / "disk.qcow2", folder / "console.log"
            )
            (folder / "domain.xml").write_text(said)
            machines.define(f"qemu:///embed?root={rig.home('appliance-a') / 'fabric'}", folder / "domain.xml")

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield rig


def boots_the_entry(console):
    eventually(lambda: console.exists() and uefi.loaded(ENTRY) in console.read_bytes(), 90)


def swtpm_log(rig, site):
    return (rig.home(f"appliance-{site}") / "fabric" / "log" / "swtpm" / f"{NAME}-swtpm.log").read_text()


def test_a_point_holds_the_variables_and_the_tpm_beside_the_disks(rig, folder_of):
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    boots_the_entry(folder_of(rig) / "console.log")
    point = rig.new_points(NAME)[-1]
    firmware = images.manifest(rig.replica_folder("b", rig.machine(NAME).id), point.id)["firmware"]
    assert [file["name"] for file in firmware] == ["nvram", "tpm/tpm2-00.permall"]
    assert rig.codes(NAME) == {}


def test_a_point_boots_its_entry_by_hand_as_the_manifest_says(rig):
    machine_id = rig.machine(NAME).id
    said = images.manifest(rig.replica_folder("b", machine_id), rig.points(NAME)[-1].id)["how_to_boot"]
    command = shlex.split(said.split(": ", 1)[1].replace("OVMF_CODE.fd", str(uefi.CODE)))
    console = rig.folder / "by-hand.log"
    command += ["-accel", "tcg", "-display", "none", "-serial", f"file:{console}"]
    folder = rig.replica_folder("b", machine_id)
    before = {path: path.read_bytes() for path in (folder / "firmware").iterdir()}
    with subprocess.Popen(command, cwd=folder) as qemu:
        try:
            boots_the_entry(console)
        finally:
            qemu.kill()
    assert {path: path.read_bytes() for path in (folder / "firmware").iterdir()} == before


def test_the_failed_over_machine_boots_the_entry_and_keeps_its_tpm(rig):
    assert "swtpm_localca" in swtpm_log(rig, "a")
    command_line.do(rig, "failover", NAME)
    boots_the_entry(rig.console("b", NAME).path)
    assert "swtpm_localca" not in swtpm_log(rig, "b"), "the TPM was made anew"
