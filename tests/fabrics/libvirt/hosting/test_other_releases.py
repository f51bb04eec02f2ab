"""Definitions that another release of libvirt and QEMU wrote, on whichever is here: they start, and what
became another is said."""

import re
import uuid

import pytest

from rig.hosts.domains import OVMF, firmware_xml
from secondsite.fabrics.interface import HostRequest, StartTrial
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import cpu_models, missing_parts

pytestmark = pytest.mark.slow

TAG = "33333333-2222-4333-8444-555555555555"
CHOSEN = f"""<os firmware='efi'><type arch='x86_64' machine='pc-q35-99.0'>hvm</type>
<firmware><feature enabled='no' name='enrolled-keys'/><feature enabled='no' name='secure-boot'/></firmware>
<loader readonly='yes' type='pflash' format='raw'>{OVMF}</loader>
<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd' templateFormat='raw' format='raw'>/at/home/VARS.fd</nvram>
</os>"""
"""As libvirt 11 writes down what it chose."""
SECURE = (
    CHOSEN.replace("'no'", "'yes'").replace("_4M.fd", "_4M.ms.fd").replace("<loader", "<loader secure='yes'")
)
SMM = "<features><acpi/><smm state='on'/></features>"


def defined(host, **parts):
    """The definition of a machine here, with these elements in other words."""
    xml = firmware_xml("other", [host.make_image(uuid.uuid4().hex, 1 << 20)]).replace("'pc'", "'q35'")
    found = host.define(xml.replace("<on_crash>", "<cpu><model>qemu64</model></cpu><on_crash>"))
    definition = host.fabric.inventory.get(found).definition
    native = definition.native.replace(">16384<", ">131072<")
    for name, words in parts.items():
        native, times = re.subn(rf"<{name}\b.*?</{name}>", words, native, flags=re.DOTALL)
        assert times == 1, (name, native)
    return definition.model_copy(update={"native": native})


def made(host, definition):
    request = HostRequest(
        str(uuid.uuid4()), f"here-{uuid.uuid4().hex[:6]}", definition,
        {"vda": host.make_image(uuid.uuid4().hex, 1 << 20)}, {}, TAG
    )  # fmt: skip
    said = host.fabric.hosting.create(request)
    host.fabric.power.start(request.fabric_id)
    return said, domain_xml.parse(host.domain(request.fabric_id).XMLDesc())


@pytest.mark.parametrize("boot", [CHOSEN, SECURE])
def test_firmware_that_a_newer_libvirt_chose_is_that_of_its_file(host, boot):
    definition = defined(host, os=boot, features=SMM)
    assert not [each for each in host.fabric.hosting.check(definition) if each.blocking]
    assert list(host.fabric.hosting.try_start(StartTrial(definition))) == []
    _, runs = made(host, definition)
    assert runs.findtext("os/loader") == domain_xml.parse(definition.native).findtext("os/loader")


@pytest.mark.parametrize("fallback", ["allow", "forbid"])
def test_a_cpu_model_that_no_machine_can_have_here_is_the_nearest_and_that_is_said(host, fallback):
    cpu = f"<cpu mode='custom' check='none'><model fallback='{fallback}'>Nehalem-v99</model></cpu>"
    definition = defined(host, cpu=cpu)
    (note,) = [each for each in host.fabric.hosting.check(definition) if "CPU model" in each.what]
    assert not note.blocking
    assert "Nehalem-v99 here; here it has Nehalem" in note.what
    said, runs = made(host, definition)
    assert "the CPU model Nehalem-v99 (it is Nehalem)" in said
    assert runs.findtext("cpu/model") == "Nehalem"


def test_models_that_can_run_here_stay_as_they_are(host):
    usable = host.fabric.hosting.cpu_models() & {"Nehalem", "Westmere", "qemu64"}
    assert usable
    for model in usable:
        root = domain_xml.parse(f"<domain type='qemu'><cpu><model>{model}</model></cpu></domain>")
        assert not [*cpu_models.notes(root, cpu_models.here(host.connection, kvm=False))]


def test_the_build_of_firmware_that_is_here_is_named_for_one_that_is_not():
    wanted = OVMF.with_name("OVMF_CODE_4M.of-another-release.fd")
    root = domain_xml.parse(f"<domain><os><loader>{wanted}</loader></os></domain>")
    (refused,) = missing_parts.missing_files(root)
    assert refused.blocking
    assert f"give the machine {OVMF} at its site: it keeps its variables" in refused.do
