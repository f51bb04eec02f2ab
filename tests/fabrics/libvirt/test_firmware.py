"""UEFI variables and emulated TPMs under libvirt: read while they are used, put where QEMU and swtpm read
them."""

import os
import uuid

import pytest

from rig.hosts.domains import firmware_xml, uefi_xml
from secondsite.domain import errors
from secondsite.fabrics import firmware_files
from secondsite.fabrics.interface import HostRequest
from tests.support import uefi

pytestmark = pytest.mark.slow

TAG = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
TPM = "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"
STATE = "tpm/tpm2-00.permall"


@pytest.fixture
def secured(host):
    """A running machine with variables and a TPM."""
    name = f"secured-{uuid.uuid4().hex[:8]}"
    variables = host.root / f"{name}.fd"
    variables.write_bytes(uefi.variables_with_entry("first"))
    fabric_id = host.define(uefi_xml(name, [host.make_image(name, 4 << 20)], variables, TPM))
    host.fabric.tracking.enable(fabric_id, TAG)
    host.fabric.power.start(fabric_id)
    return fabric_id


def a_copy(host, definition, files, **wanted):
    """A request for a machine of this definition with this firmware state."""
    values = {"fabric_id": str(uuid.uuid4()), "name": f"copy-{uuid.uuid4().hex[:8]}", **wanted}
    disks = {"vda": host.make_image(uuid.uuid4().hex, 4 << 20)}
    return HostRequest(definition=definition, disks=disks, networks={}, tag=TAG, firmware=files, **values)


def swtpm_log(host, name):
    return (host.root / "log" / "swtpm" / f"{name}-swtpm.log").read_text()


def test_a_machine_runs_on_with_the_tpm_that_is_brought(host, secured):
    files = host.fabric.firmware.read(secured)
    assert set(files) == {"nvram", STATE}
    request = a_copy(host, host.fabric.inventory.get(secured).definition, files)
    host.fabric.hosting.create(request)
    assert host.fabric.firmware.read(request.fabric_id) == files
    host.fabric.power.start(request.fabric_id)
    assert "swtpm_localca" in swtpm_log(host, host.domain(secured).name())
    assert "swtpm_localca" not in swtpm_log(host, request.name), "the TPM was made anew"
    host.fabric.hosting.remove(request.fabric_id, TAG)
    assert not (host.root / "lib" / "swtpm" / request.fabric_id).exists()


def test_a_withdrawn_machine_comes_back_with_its_tpm(host, secured):
    host.fabric.power.stop(secured)
    before = host.fabric.firmware.read(secured)
    definition = host.fabric.hosting.withdraw(secured, TAG)
    meanwhile = {"nvram": before["nvram"], STATE: b"another state"}
    host.fabric.hosting.create(a_copy(host, definition, meanwhile, fabric_id=secured, name=definition.name))
    assert host.fabric.firmware.read(secured)[STATE] == b"another state"
    host.fabric.hosting.remove(secured, TAG)
    host.fabric.hosting.restore(definition, TAG)
    assert host.fabric.firmware.read(secured) == before


def test_variables_that_libvirt_chose_the_place_for_are_read_of_a_machine_that_is_off_too(host):
    name = f"chosen-{uuid.uuid4().hex[:8]}"
    xml = firmware_xml(name, [host.make_image(name, 4 << 20)])
    xml = xml.replace("<os>", "<os firmware='efi'>").replace("machine='pc'", "machine='q35'")
    fabric_id = host.define(xml.replace(">16<", ">128<"))
    assert host.fabric.firmware.read(fabric_id) == {}
    host.fabric.power.start(fabric_id)
    assert set(host.fabric.firmware.read(fabric_id)) == {"nvram"}
    host.fabric.power.stop(fabric_id)
    found = host.fabric.firmware.read(fabric_id)
    assert set(found) == {"nvram"}
    request = a_copy(host, host.fabric.inventory.get(fabric_id).definition, found)
    host.fabric.hosting.create(request)
    host.fabric.power.start(request.fabric_id)
    assert set(host.fabric.firmware.read(request.fabric_id)) == {"nvram"}
    host.fabric.power.stop(request.fabric_id)


def test_state_that_is_larger_than_what_travels_is_refused(host):
    fabric_id = host.make_firmware_machine("large", bytes(5 << 20))
    with pytest.raises(errors.FabricError, match="more than the 4194304 that travel"):
        host.fabric.firmware.read(fabric_id)


@pytest.mark.skipif(os.getuid() != 0, reason="links of other users")
def test_a_link_that_qemu_put_in_the_place_of_its_variables_is_not_followed(tmp_path):
    """What is read there leaves the host."""
    link = tmp_path / "web01_VARS.fd"
    link.symlink_to("/etc/shadow")
    assert firmware_files.read({"nvram": link}, "web01")["nvram"]
    os.lchown(link, 12345, -1)
    with pytest.raises(errors.FabricError, match="cannot be read"):
        firmware_files.read({"nvram": link}, "web01")


def test_a_tpm_of_the_host_stays_behind_and_is_named(host):
    name = f"host-tpm-{uuid.uuid4().hex[:8]}"
    real = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
    fabric_id = host.define(firmware_xml(name, [host.make_image(name, 4 << 20)], extra=real))
    definition = host.fabric.inventory.get(fabric_id).definition
    (found,) = [each for each in host.fabric.hosting.check(definition) if "TPM" in each.what]
    assert not found.blocking
    request = a_copy(host, definition, {})
    host.fabric.hosting.create(request)
    assert "<tpm" not in host.fabric.inventory.get(request.fabric_id).definition.native
