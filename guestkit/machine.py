"""Say how a guest is started: as a libvirt definition, or as a QEMU command line by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from guestkit import building, tiers
from guestkit.disk import format_of

SCREEN = "    <video><model type='vga' vram='16384' heads='1'/></video>\n"
AGENT_PORT = "org.qemu.guest_agent.0"
# Measured: with 16 MiB less the initramfs of Debian 12's kernel 6.1 does not unpack.
MEMORY_MIB = {kind: 96 if kind is building.Kind.WRITER else 128 for kind in building.Kind}


@dataclass(frozen=True, slots=True)
class Workload:
    """What the guest does. The writer starts `records_per_second` at most (a slow machine does fewer); the
    load overwrites runs of `load_run_kib` at random places of `load_span_mib` on the first disk. With `io`
    the guest writes, fsyncs and reads back as fast as it can there, and says how often. With `gaps` it
    writes pages past the page cache there, one after the other, and says the longest time between two of
    them, second by second. A `tier` asks its `peer`, by address or by a name out of `hosts` (such as
    db:10.1.2.3); the database writes what it is asked for instead of records of its own."""

    records_per_second: int = 10
    record_bytes: int = 64
    say_every: int = 1
    load_kib_per_second: int = 0
    load_run_kib: int = 64
    load_span_mib: int = 16
    io: bool = False
    gaps: bool = False
    tier: tiers.Tier | None = None
    peer: str | None = None
    hosts: tuple[str, ...] = ()
    writes_after: str | None = None
    """The address of a database: each record is written when that has one more on its disks."""
    looks_for: tuple[str, ...] = ()
    """Names and addresses of others: it says REACHES NAME for each that answered, MISSES NAME for one that
    did not for 20 s."""
    portal: str | None = None
    """Of the target that a guest of kind ISCSI looks for at its first boot, such as 10.1.2.3:3260."""
    ifupdown: bool = False
    """Its network is configured by ifupdown, whose files lie on its first disk: what is written there counts
    at its next boot."""
    address: str | None = (
        None  # dhcp; or such as 10.1.2.3/8; else 10.x.y.z/8 from the last three bytes of the MAC
    )


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card on a bridge of the host, or in NETWORK/PORTGROUP of libvirt."""

    bridge: str
    mac: str


def address_of(mac: str) -> str:
    """The IPv4 address that a guest with this MAC gives itself."""
    return "10." + ".".join(str(int(part, 16)) for part in mac.split(":")[3:])


def kernel_arguments(name: str, workload: Workload) -> str:
    """The kernel command line; the guest's own arguments start with `guest.`."""
    own = {
        "name": name,
        "rate": workload.records_per_second,
        "record_bytes": workload.record_bytes,
        "say_every": workload.say_every,
        "load_kib": workload.load_kib_per_second,
        "load_run_kib": workload.load_run_kib,
        "load_span_mib": workload.load_span_mib,
        "io": int(workload.io),
        "gaps": int(workload.gaps),
        "address": workload.address,
        "ifupdown": int(workload.ifupdown),
        "tier": workload.tier and workload.tier.value,
        "peer": workload.peer,
        "hosts": ",".join(workload.hosts) or None,
        "writes_after": workload.writes_after,
        "looks_for": ",".join(workload.looks_for) or None,
        "portal": workload.portal,
    }
    words = [f"guest.{key}={value}" for key, value in own.items() if value is not None]
    # Under TCG the kernel's test of its timer fails now and then on a busy host, and it panics; its tests of
    # ciphers take a tenth of the boot.
    return " ".join(["console=ttyS0", "quiet", "panic=-1", "no_timer_check", "cryptomgr.notests", *words])


def domain_xml(
    name: str,
    uuid: str,
    guest: building.Guest,
    disks: Sequence[Path],
    nics: Sequence[Nic],
    console_log: Path,
    *,
    workload: Workload | None = None,
    memory_mib: int | None = None,
    accelerator: str = "qemu",
    screen: bool = False,
) -> str:
    """A libvirt domain; `accelerator` is libvirt's domain type: `kvm`, or `qemu` for TCG. `screen`: it has a
    VGA, which shows what its firmware and kernel say.

    Kernel and initramfs are part of the definition, so the same definition boots at any site that has these
    two files.
    """
    cards = "".join(_card_xml(nic) for nic in nics)
    return f"""<domain type={quoteattr(accelerator)}>
  <name>{escape(name)}</name>
  <uuid>{escape(uuid)}</uuid>
  <memory unit='MiB'>{memory_mib or MEMORY_MIB[guest.kind]}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{escape(str(guest.kernel))}</kernel>
    <initrd>{escape(str(guest.initrd))}</initrd>
    <cmdline>{escape(kernel_arguments(name, workload or Workload()))}</cmdline>
  </os>
  <features><acpi/></features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
{"".join(_disk_xml(disk, number) for number, disk in enumerate(disks))}{cards}    <serial type='file'>
      <source path={quoteattr(str(console_log))} append='on'/>
      <target port='0'/>
    </serial>
{_agent_xml(guest)}{SCREEN if screen else ""}    <memballoon model='none'/>
  </devices>
</domain>
"""


def qemu_arguments(
    guest: building.Guest,
    disks: Sequence[Path],
    console_log: Path,
    *,
    name: str = "guest",
    workload: Workload | None = None,
    memory_mib: int | None = None,
    accelerator: str = "tcg",
    qmp_socket: Path | None = None,
    agent_socket: Path | None = None,
) -> list[str]:
    """The command line of a plain QEMU, the program first; the guest's reboot ends it."""
    arguments = ["qemu-system-x86_64", "-name", name, "-machine", f"pc,accel={accelerator}"]
    arguments += ["-m", str(memory_mib or MEMORY_MIB[guest.kind]), "-nodefaults"]
    arguments += ["-display", "none", "-no-reboot"]
    arguments += ["-kernel", str(guest.kernel), "-initrd", str(guest.initrd)]
    arguments += ["-append", kernel_arguments(name, workload or Workload())]
    arguments += [
        "-chardev",
        f"file,id=console,path={_comma_safe(console_log)},append=on",
        "-serial",
        "chardev:console",
    ]
    for disk in disks:
        arguments += [
            "-drive",
            f"file={_comma_safe(disk)},format={format_of(disk)},if=virtio,cache=writeback,discard=unmap",
        ]
    if qmp_socket:
        arguments += ["-qmp", f"unix:{_comma_safe(qmp_socket)},server=on,wait=off"]
    if agent_socket:
        arguments += ["-chardev", f"socket,id=agent,path={_comma_safe(agent_socket)},server=on,wait=off"]
        arguments += [
            "-device",
            "virtio-serial",
            "-device",
            f"virtserialport,chardev=agent,name={AGENT_PORT}",
        ]
    return arguments


def _disk_xml(disk: Path, number: int) -> str:
    kind, source = ("block", "dev") if disk.is_block_device() else ("file", "file")
    return f"""    <disk type='{kind}' device='disk'>
      <driver name='qemu' type='{format_of(disk)}' cache='writeback' discard='unmap'/>
      <source {source}={quoteattr(str(disk))}/>
      <target dev='vd{chr(ord("a") + number)}' bus='virtio'/>
    </disk>
"""


def _card_xml(nic: Nic) -> str:
    network, slash, portgroup = nic.bridge.partition("/")
    named = f"portgroup={quoteattr(portgroup)}" if portgroup else ""
    kind = "network" if slash else "bridge"
    return f"""    <interface type='{kind}'>
      <mac address={quoteattr(nic.mac)}/>
      <source {kind}={quoteattr(network)} {named}/>
      <model type='virtio'/>
    </interface>
"""


def _agent_xml(guest: building.Guest) -> str:
    if guest.kind is not building.Kind.AGENT:
        return ""
    return f"    <channel type='unix'><target type='virtio' name='{AGENT_PORT}'/></channel>\n"


def _comma_safe(path: Path) -> str:
    return str(path).replace(",", ",,")
