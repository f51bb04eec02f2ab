"""The other site writes the definition: nothing in it reaches for this host."""

import random
import re
from copy import deepcopy
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest

from rig.hosts.domains import firmware_xml, uefi_xml
from secondsite.domain import errors
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import adapt, allowed, foreign, missing_parts
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, child, described

HOSTILE = """<x xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<qemu:commandline><qemu:arg value='-incoming'/><qemu:arg value='exec:id'/></qemu:commandline>
<qemu:override><qemu:device alias='x'/></qemu:override>
<kernel>/etc/shadow</kernel><initrd>/etc/shadow</initrd><dtb>/etc/shadow</dtb><cmdline>init=/bin/sh</cmdline>
<loader readonly='no' type='pflash'>/etc/shadow</loader><nvram template='/etc/shadow'>/root/.ssh/id</nvram>
<nvram type='file'><source file='/etc/shadow'/></nvram><bootloader>/bin/sh</bootloader>
<emulator>/tmp/evil</emulator><launchSecurity type='sev'><policy>1</policy></launchSecurity>
<seclabel type='none' model='dac'/><resource><partition>/x</partition></resource>
<sysinfo type='fwcfg'><entry name='opt/x' file='/etc/shadow'/></sysinfo>
<serial type='file'><source path='/etc/cron.d/x'/><log file='/etc/cron.d/y' append='on'/></serial>
<serial type='dev'><source path='/dev/sda'/></serial><serial type='pipe'><source path='/tmp/p'/></serial>
<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4444'/></serial>
<console type='unix'><source mode='bind' path='/run/x'/></console><parallel type='file'><source path='/etc/passwd'/></parallel>
<channel type='file'><source path='/etc/passwd'/><target type='virtio' name='a'/></channel>
<channel type='unix'><source mode='connect' path='/run/docker.sock'/><target type='virtio' name='b'/></channel>
<channel type='tcp'><source mode='connect' host='10.0.0.1' service='22'/><target type='guestfwd' address='1.2.3.4'/></channel>
<graphics type='vnc' listen='0.0.0.0' passwd='x' websocket='5700' socket='/run/v'><listen type='socket' socket='/x'/></graphics>
<graphics type='egl-headless'><gl rendernode='/dev/dri/card0'/></graphics><graphics type='sdl' xauth='/root/.Xauthority'/>
<input type='evdev'><source dev='/dev/input/event0'/></input><input type='passthrough'><source evdev='/dev/input/e'/></input>
<memory model='nvdimm'><source><path>/etc/shadow</path></source><target><size unit='KiB'>1</size></target></memory>
<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='x' service='1'/></backend></rng>
<rng model='virtio'><backend model='random'>/etc/shadow</backend></rng>
<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>
<tpm><backend type='external'><source type='unix' mode='connect' path='/run/x'/></backend></tpm>
<hostdev mode='subsystem' type='usb'><source><vendor id='1'/></source></hostdev><redirdev bus='usb' type='tcp'/>
<filesystem type='mount'><source dir='/'/><target dir='all'/></filesystem><shmem name='../x'/><vsock model='virtio'/>
<smartcard mode='host-certificates'><certificate>x</certificate><database>/etc/pki</database></smartcard>
<crypto model='virtio'><backend model='lkcf'/></crypto><audio id='1' type='file' path='/etc/x'/>
<lease><target path='/etc/shadow'/></lease><shmem name='x'><server path='/run/x'/></shmem>
<disk type='file' device='disk'><source file='/etc/shadow'/><target dev='vda' bus='virtio'/><backingStore type='file'>
<source file='/etc/shadow'/></backingStore><mirror file='/etc/x'/></disk>
<disk type='file' device='cdrom'><source file='/etc/shadow'/><target dev='sdz' bus='sata'/></disk>
<disk type='file' device='disk'><driver name='/x' type='qcow2'/><source file='/etc/passwd'/><target dev='vdq'/></disk>
<interface type='ethernet'><script path='/tmp/evil'/><downscript path='/tmp/evil'/><target dev='eth0' managed='no'/>
<rom file='/etc/shadow'/><backend tap='/dev/x' vhost='/dev/y'/></interface>
<interface type='vhostuser'><source type='unix' path='/run/x' mode='client'/></interface>
<devices><disk type='file' device='disk'><source file='/etc/shadow'/><target dev='vda'/></disk></devices>
<os><kernel>/etc/shadow</kernel></os><name>other</name><uuid>x</uuid><memoryBacking><source type='file'/><hugepages/>
</memoryBacking><metadata><other xmlns='urn:x'/></metadata><numatune/><cputune><vcpupin vcpu='0' cpuset='0'/></cputune>
</x>"""  # noqa: E501
VALUES = (
    "/etc/shadow",
    "0.0.0.0",
    "../../x",
    "file",
    "tcp",
    "unix",
    "dev",
    "x,y=/z",
    "a" * 5000,
    "-1",
    "",
)
ATTRIBUTES = ("file", "path", "dev", "listen", "type", "host", "socket", "script", "template", "name", "source", "model",  # noqa: E501
              "device", "mode", "value", "{urn:other}x", "passwd", "websocket", "rendernode")  # fmt: skip
PLACE = adapt.HostFeatures(True, frozenset({"lan"}), Path("/site/console"), Path("/site/nvram"))
SEED = 20261121
OURS = re.compile(r"/site/(console|nvram|disks)/[\w.-]+|/dev/u?random|" + allowed.FIRMWARE.pattern)


def adapted(root, variables=False):
    definition = described().model_copy(update={"native": domain_xml.render(root)})
    request = HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111", name="web-test", definition=definition,
        disks={"vda": Path("/site/disks/vda.qcow2")}, networks={"net0": "lan", "net1": "br0"}, tag=TAG,
        firmware={"nvram": b"x"} if variables else {},
    )  # fmt: skip
    return domain_xml.parse(adapt.adapted(request, PLACE))


def trespasses(root):
    """What reaches for the host in a document that goes to libvirt."""
    found: list[str] = []

    def look(element, path):
        values = [*element.attrib.items(), ("", element.text or "")]
        found.extend(
            f"{path}@{name}={value}" for name, value in values if "/" in value and not is_fine(path, value)
        )
        found.extend(f"{path}@{name}" for name in element.attrib if name in ("listen", "script", "websocket"))
        if element.get("passwd"):
            found.append(f"{path}@passwd")
        for below in element:
            at = f"{path}/{below.tag}".lstrip("/")
            ours = at.startswith("metadata") or at in PUT_IN
            if at not in allowed.ATTRIBUTES and not ours:
                found.append(at)
            look(below, at)
        for place, kinds in allowed.ONE_OF.items():
            where, _, name = place.rpartition("@")
            if where == path and element.get(name) is not None and element.get(name) not in kinds:
                found.append(f"{place}={element.get(name)}")

    look(root, "")
    return found


PUT_IN = ("devices/disk/source", "devices/interface/source", "devices/serial/source", "devices/console/source",  # noqa: E501
          "devices/parallel/source")  # fmt: skip


def is_fine(path, value):
    free = path in ("title", "description") or path.startswith("sysinfo/") or path == "clock"
    return free or OURS.fullmatch(value) is not None


def elements(root):
    return [each for each in root.iter() if isinstance(each.tag, str)]


def grown(chance, real):
    """A real document with hostile parts at places of chance."""
    root, hostile = deepcopy(chance.choice(real)), list(domain_xml.parse(HOSTILE))
    places = elements(root)
    for _ in range(chance.randint(1, 6)):
        at = chance.choice([*places, child(root, "devices"), child(root, "os"), root])
        match chance.randint(0, 4):
            case 0 | 1:
                at.insert(chance.randint(0, len(at)), deepcopy(chance.choice(hostile)))
            case 2:
                at.set(chance.choice(ATTRIBUTES), chance.choice(VALUES))
            case 3:
                at.text = chance.choice(VALUES)
            case 4:
                at.append(deepcopy(chance.choice(places)))
    return root


def real_documents():
    disks = [Path("/old/a.qcow2")]
    texts = (SOURCE, firmware_xml("web", disks), uefi_xml("web", disks, Path("/old/web.fd"), ""))
    return [domain_xml.parse(text) for text in texts]


def test_no_hostile_part_alone_reaches_for_the_host():
    for part in domain_xml.parse(HOSTILE):
        for place in ("devices", "os", "."):
            root = domain_xml.parse(SOURCE)
            (child(root, place) if place != "." else root).insert(0, deepcopy(part))
            assert trespasses(adapted(root)) == []


def test_what_was_left_out_is_told():
    root = domain_xml.parse(SOURCE)
    for part in domain_xml.parse(HOSTILE):
        root.append(deepcopy(part))
        child(root, "devices").append(deepcopy(part))
    told = foreign.admit(root).left_out
    for place in (
        "kernel",
        "devices/vsock",
        "devices/smartcard",
        "devices/graphics",
        "devices/rng/backend",
        "launchSecurity",
    ):
        assert place in told
    [note] = missing_parts.left_out(root)
    assert not note.blocking
    assert "kernel" in note.what


def test_of_a_plain_machine_nothing_is_left_out():
    for root in real_documents()[1:]:
        assert foreign.admit(root).left_out == ()


def test_a_firmware_outside_of_the_folders_of_firmware_is_an_obstacle():
    root = domain_xml.parse(SOURCE)
    child(root, "os/loader").text = "/usr/share/OVMF/../../../etc/shadow"
    assert any(note.blocking for note in missing_parts.missing_files(root))
    assert adapted(root).find("os/loader") is None


def test_a_kernel_is_taken_from_the_folders_that_the_appliance_is_told_alone(tmp_path):
    told, elsewhere = tmp_path / "told", tmp_path / "elsewhere"
    for folder in (told, elsewhere):
        folder.mkdir()
        (folder / "vmlinux").touch()
    (told / "out").symlink_to(elsewhere / "vmlinux")
    for kernel, is_taken in (("vmlinux", True), ("out", False), ("../elsewhere/vmlinux", False)):
        root = domain_xml.parse(SOURCE)
        SubElement(child(root, "os"), "kernel").text = f"{told}/{kernel}"
        SubElement(child(root, "os"), "cmdline").text = "console=ttyS0"
        admitted = foreign.admit(root, [told]).root
        assert (
            (admitted.find("os/kernel") is not None) is (admitted.find("os/cmdline") is not None) is is_taken
        )
        assert any(note.blocking for note in missing_parts.missing_files(root, [told])) is not is_taken
        if is_taken:
            missing_parts.require_kernels(root, [told])
        with pytest.raises(errors.FabricError, match="boot_folders"):
            missing_parts.require_kernels(root, [elsewhere / "none"])


@pytest.mark.parametrize("text", ["", "<domain>", "<domain/>" + " " * foreign.LONGEST_TEXT])
def test_what_is_no_document_is_said_to_be_none(text):
    with pytest.raises(errors.FabricError, match="cannot be read"):
        foreign.parse(text)


def test_a_document_of_any_depth_and_length_is_taken_in_bounded_time():
    root = domain_xml.parse(SOURCE)
    devices = child(root, "devices")
    for number in range(2 * foreign.LONGEST):
        SubElement(devices, "input", {"type": "mouse", "bus": str(number)})
    deep: Element = devices
    for _ in range(5000):
        deep = SubElement(deep, "hub")
    assert len(elements(foreign.admit(root).root)) <= foreign.LONGEST + 1


@pytest.mark.slow
def test_nothing_of_five_thousand_hostile_documents_reaches_for_the_host():
    chance, real = random.Random(SEED), real_documents()
    for _ in range(5000):
        document = grown(chance, real)
        variables = chance.random() < 0.3
        try:
            found = trespasses(adapted(document, variables))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{domain_xml.render(document)}") from error
        assert found == [], domain_xml.render(document)


def test_the_tables_name_only_what_is_allowed():
    for place in (*allowed.ONE_OF, *allowed.VALUES, *allowed.INSTEAD):
        path, _, name = place.rpartition("@")
        assert name in allowed.ATTRIBUTES[path]
    for path in (*allowed.TEXTS, *allowed.MANY):
        assert path in allowed.ATTRIBUTES


def test_an_element_without_a_kind_stays_an_element():
    root = Element("domain", {"type": "xen"})
    assert foreign.admit(root).root.get("type") is None
