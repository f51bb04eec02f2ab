"""UEFI variables and emulated TPMs under libvirt: read while they are used, put where QEMU and swtpm read them."""

import uuid

import pytest

from secondsite.domain import errors
from secondsite.fabrics.interface import HostRequest
from tests.fabrics.libvirt.rig import firmware_xml, uefi_xml
from tests.support import uefi

TAG = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
TPM = "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"
STATE = "tpm/tpm2-00.permall"


@pytest.fixture
def secured(rig):
    """A running machine with variables and a TPM."""
    name = f"secured-{uuid.uuid4().hex[:8]}"
    variables = rig.root / f"{name}.fd"
    variables.write_bytes(uefi.variables_with_entry("first"))
    fabric_id = rig.define(uefi_xml(name, [rig.make_image(name, 4 << 20)], variables, TPM))
    rig.fabric.tracking.enable(fabric_id, TAG)
    rig.fabric.power.start(fabric_id)
    return fabric_id


def a_copy(rig, definition, files, **wanted):
    """A request for a machine of this definition with this firmware state."""
    values = {"fabric_id": str(uuid.uuid4()), "name": f"copy-{uuid.uuid4().hex[:8]}", **wanted}
    disks = {"vda": rig.make_image(uuid.uuid4().hex, 4 << 20)}
    return HostRequest(definition=definition, disks=disks, networks={}, tag=TAG, firmware=files, **values)


def swtpm_log(rig, name):
    return (rig.root / "log" / "swtpm" / f"{name}-swtpm.log").read_text()


def test_a_machine_runs_on_with_the_tpm_that_is_brought(rig, secured):
    files = rig.fabric.firmware.read(secured)
    assert set(files) == {"nvram", STATE}
    request = a_copy(rig, rig.fabric.inventory.get(secured).definition, files)
    rig.fabric.hosting.create(request)
    assert rig.fabric.firmware.read(request.fabric_id) == files
    rig.fabric.power.start(request.fabric_id)
    assert "swtpm_localca" in swtpm_log(rig, rig.domain(secured).name())
    assert "swtpm_localca" not in swtpm_log(rig, request.name), "the TPM was made anew"
    rig.fabric.hosting.remove(request.fabric_id, TAG)
    assert not (rig.root / "lib" / "swtpm" / request.fabric_id).exists()


def test_a_withdrawn_machine_comes_back_with_its_tpm(rig, secured):
    rig.fabric.power.stop(secured)
    before = rig.fabric.firmware.read(secured)
    definition = rig.fabric.hosting.withdraw(secured, TAG)
    meanwhile = {"nvram": before["nvram"], STATE: b"another state"}
    rig.fabric.hosting.create(a_copy(rig, definition, meanwhile, fabric_id=secured, name=definition.name))
    assert rig.fabric.firmware.read(secured)[STATE] == b"another state"
    rig.fabric.hosting.remove(secured, TAG)
    rig.fabric.hosting.restore(definition, TAG)
    assert rig.fabric.firmware.read(secured) == before


def test_variables_that_libvirt_chose_the_place_for_are_read_of_a_machine_that_is_off_too(rig):
    name = f"chosen-{uuid.uuid4().hex[:8]}"
    xml = firmware_xml(name, [rig.make_image(name, 4 << 20)])
    xml = xml.replace("<os>", "<os firmware='efi'>").replace("machine='pc'", "machine='q35'")
    fabric_id = rig.define(xml.replace(">16<", ">128<"))
    assert rig.fabric.firmware.read(fabric_id) == {}
    rig.fabric.power.start(fabric_id)
    assert set(rig.fabric.firmware.read(fabric_id)) == {"nvram"}
    rig.fabric.power.stop(fabric_id)
    found = rig.fabric.firmware.read(fabric_id)
    assert set(found) == {"nvram"}
    request = a_copy(rig, rig.fabric.inventory.get(fabric_id).definition, found)
    rig.fabric.hosting.create(request)
    rig.fabric.power.start(request.fabric_id)
    assert set(rig.fabric.firmware.read(request.fabric_id)) == {"nvram"}
    rig.fabric.power.stop(request.fabric_id)


def test_state_that_is_larger_than_what_travels_is_refused(rig):
    fabric_id = rig.make_firmware_machine("large", bytes(5 << 20))
    with pytest.raises(errors.FabricError, match="more than the 4194304 that travel"):
        rig.fabric.firmware.read(fabric_id)


def test_a_tpm_of_the_host_stays_behind_and_is_named(rig):
    name = f"host-tpm-{uuid.uuid4().hex[:8]}"
    real = "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"
    fabric_id = rig.define(firmware_xml(name, [rig.make_image(name, 4 << 20)], extra=real))
    definition = rig.fabric.inventory.get(fabric_id).definition
    (found,) = [each for each in rig.fabric.hosting.check(definition) if "TPM" in each.what]
    assert not found.blocking
    request = a_copy(rig, definition, {})
    rig.fabric.hosting.create(request)
    assert "<tpm" not in rig.fabric.inventory.get(request.fabric_id).definition.native
