"""What becomes of each part of a definition when its machine runs at another site. Pure.

A part is an element, as `devices/hostdev` and all below it, or an attribute, as `vcpu@cpuset`; the domain's
own path is ''. Parts that are taken over are listed in `allowed`; here are the others in libvirt's schemas,
and why they are not. A part that is in neither is left out, and the check names it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from . import allowed

QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"


class Fate(StrEnum):
    CARRIED = "carried"
    CHANGED = "changed"
    ANEW = "made anew"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of one part. `words`: its name in sentences, or what becomes of it. `is_named`: the check
    before protection, `preflight` and `vault validate` name it if a definition has it."""

    fate: Fate
    words: str
    is_named: bool = False


CARRIED = Part(Fate.CARRIED, "as it is")
_NETWORK = "a network of this site, as is mapped or set for the card"
_CONSOLE = "a file that this site keeps, or a pseudo terminal"
_VARIABLES = "a file that this site keeps, with the variables of the recovery point"
_LISTENS = (
    "loopback, a socket and 'nobody' stay; else it listens where the hypervisor here is told to (qemu.conf)"
)
_BY_ITS_FILE = "as it is, unless the definition names the file of its firmware: then that alone counts"
_CHANGED: Mapping[str, str] = {
    "@type": "kvm; qemu (emulated) where KVM is not usable",
    "name": "its own, or the one that is set for the target; that of a drill ends with -test",
    "uuid": "its own; a drill's machine has another one",
    "memory": "its own, or what is set for the target",
    "currentMemory": "its own, or what is set for the target",
    "vcpu": "its own, or what is set for the target",
    "cpu": "its own, the model that is set for the target, or the nearest that is here; "
    "the default where KVM is not usable",
    "iothreadids": "as many, numbered by libvirt",
    "seclabel": "what the security driver here gives every machine",
    "os@firmware": _BY_ITS_FILE,
    "os/firmware": _BY_ITS_FILE,
    "os/type@machine": "its own, or the nearest version of its chip set that is here",
    "os/nvram": _VARIABLES,
    "os/nvram@type": _VARIABLES,
    "os/nvram/source": _VARIABLES,
    "devices/emulator": "QEMU of this host",
    "devices/disk@type": "file",
    "devices/disk/source": "a file of the replica; drives are empty, and the check names what was in them",
    "devices/disk/backingStore": "the layers of the replica",
    "devices/disk/mirror": "nothing is being copied here",
    "devices/disk/auth": "a file needs none",
    "devices/disk/encryption": "this site's key, if its replicas are encrypted",
    "devices/interface@type": _NETWORK,
    "devices/interface/mac": "its own; another one where that is set for the card, and in its drills",
    "devices/interface/source": _NETWORK,
    "devices/interface/target": _NETWORK,
    "devices/interface/virtualport": _NETWORK,
    "devices/interface/portForward": _NETWORK,
    "devices/interface/backend": _NETWORK,
    "devices/interface/ip": _NETWORK,
    "devices/interface/route": _NETWORK,
    "devices/interface/guest": _NETWORK,
    "devices/interface/script": _NETWORK,
    "devices/interface/downscript": _NETWORK,
    "devices/interface@managed": _NETWORK,
    "devices/interface/vlan": "its own where the network carries tags of machines; else the check names them",
    "devices/interface/filterref": "its own where this site has a filter of that name; else the check names it",  # noqa: E501
    "devices/interface/port": "its own where the network is a bridge; else the check names it",
    "devices/serial@type": _CONSOLE,
    "devices/serial/source": _CONSOLE,
    "devices/console@type": _CONSOLE,
    "devices/console/source": _CONSOLE,
    "devices/parallel@type": _CONSOLE,
    "devices/parallel/source": _CONSOLE,
    "devices/channel/source": "a socket that libvirt names",
    "devices/redirdev/source": "the console's own channel",
    "devices/graphics@port": "one that is free here",
    "devices/graphics@autoport": "one that is free here",
    "devices/graphics@listen": _LISTENS,
    "devices/graphics@socket": _LISTENS,
    "devices/graphics@address": _LISTENS,
    "devices/graphics/listen": _LISTENS,
    "devices/graphics/listen@type": _LISTENS,
    "devices/graphics/listen@address": _LISTENS,
    "devices/graphics/listen@network": _LISTENS,
    "devices/graphics/listen@socket": _LISTENS,
    "devices/graphics@passwd": "no password opens it until one is set here, and the check says so: a password does not travel",  # noqa: E501
    "devices/audio@type": "none, unless it is the console's own",
}
_ANEW: Mapping[str, str] = {
    "genid": "another one whenever the machine goes back in time (drill, failover, another recovery point); "
    "its own in a planned failover; "
    "none if it had none",
}
_NAMED: Mapping[str, str] = {
    f"{QEMU}commandline": "arguments for QEMU itself (qemu:commandline)",
    f"{QEMU}capabilities": "capabilities of QEMU that were set by hand (qemu:capabilities)",
    f"{QEMU}deprecation": "how QEMU treats what is deprecated (qemu:deprecation)",
    f"{QEMU}override": "devices of QEMU that were changed by hand (qemu:override)",
    "{http://libvirt.org/schemas/domain/lxc/1.0}namespace": "what is for LXC",
    "{http://libvirt.org/schemas/domain/bhyve/1.0}commandline": "arguments for bhyve",
    "{http://libvirt.org/schemas/domain/xen/1.0}commandline": "arguments for Xen",
    "{http://libvirt.org/schemas/domain/vmware/1.0}datacenterpath": "what is for VMware",
    "bootloader": "a boot loader of its own host",
    "bootloader_args": "a boot loader of its own host",
    "os/init": "what is for containers",
    "os/initarg": "what is for containers",
    "os/initenv": "what is for containers",
    "os/initdir": "what is for containers",
    "os/inituser": "what is for containers",
    "os/initgroup": "what is for containers",
    "os/root": "a root file system of its own host",
    "os/dtb": "a device tree of its own host",
    "os/acpi": "ACPI tables of its own host",
    "os/loader": "a firmware of its own host",
    "os/shim": "a kernel of its own host",
    "os/kernel": "a kernel of its own host",
    "os/initrd": "a kernel of its own host",
    "os/cmdline": "a kernel of its own host",
    "idmap": "what is for containers",
    "keywrap": "key wrapping (keywrap)",
    "launchSecurity": "memory encryption (launchSecurity)",
    "on_lockfailure": "what happens when a disk's lock is lost (on_lockfailure)",
    "resource": "its place among the control groups of its own host (resource)",
    "numatune": "NUMA placement",
    "vcpu@cpuset": "CPU pinning",
    "cputune/vcpupin": "CPU pinning",
    "cputune/emulatorpin": "CPU pinning",
    "cputune/iothreadpin": "CPU pinning",
    "cputune/vcpusched": "real-time scheduling",
    "cputune/emulatorsched": "real-time scheduling",
    "cputune/iothreadsched": "real-time scheduling",
    "cputune/cachetune": "shares of a processor's cache (cachetune)",
    "cputune/memorytune": "shares of a processor's memory bandwidth (memorytune)",
    "memtune/min_guarantee": "guaranteed memory (min_guarantee)",
    "blkiotune/device": "I/O limits that name devices of its own host (blkiotune)",
    "memoryBacking/hugepages": "huge pages",
    "memoryBacking/locked": "locked memory",
    "memoryBacking/allocation": "how its memory is allocated",
    "cpu/numa/cell/cache": "NUMA caches",
    "cpu/numa/interconnects": "NUMA interconnects",
    "features/aia": "features of RISC-V processors",
    "features/xen": "what is for Xen",
    "features/capabilities": "what is for containers",
    "features/ccf-assist": "features of POWER processors",
    "features/cfpc": "features of POWER processors",
    "features/sbbc": "features of POWER processors",
    "features/ibs": "features of POWER processors",
    "features/hpt/maxpagesize": "features of POWER processors",
    "sysinfo/entry": "firmware configuration (fwcfg)",
    "devices/hostdev": "devices of its own host (hostdev)",
    "devices/filesystem": "shared folders (filesystem)",
    "devices/shmem": "shared memory (shmem)",
    "devices/lease": "locks of its own host (lease)",
    "devices/vsock": "a socket to its own host (vsock)",
    "devices/smartcard": "smart cards",
    "devices/crypto": "crypto devices",
    "devices/pstore": "a store for crash logs (pstore)",
    "devices/nvram": "an NVRAM device",
    "devices/redirdev/protocol": "protocols of consoles",
    "devices/redirdev/log": "logs of what is redirected",
    "devices/controller@maxEventChannels": "what is for Xen",
    "devices/controller@maxGrantFrames": "what is for Xen",
    "devices/controller/target@memReserve": "memory that is kept for hotplug",
    "devices/controller/target/node": "NUMA nodes of controllers",
    "devices/disk/backenddomain": "what is for Xen",
    "devices/disk/transient": "disks whose writes vanish (transient)",
    "devices/disk@rawio": "raw I/O to disks",
    "devices/disk@sgio": "SCSI commands to disks",
    "devices/disk/reservations": "persistent reservations of disks",
    "devices/interface/backenddomain": "what is for Xen",
    "devices/interface/bandwidth/inbound@floor": "guaranteed bandwidth of cards (floor)",
    "devices/interface/bandwidth/outbound@floor": "guaranteed bandwidth of cards (floor)",
    "devices/interface/bandwidth@classID": "classes of bandwidth",
    "devices/interface/coalesce": "how cards gather interrupts (coalesce)",
    "devices/interface/teaming": "teams of cards (teaming)",
    "devices/interface/tune": "how much cards may queue (tune)",
    "devices/interface/driver@model": "what is for VMware",
    "devices/interface/mac@check": "what is for VMware",
    "devices/interface/mac@currentAddress": "an address that the guest gave its card",
    "devices/interface/mac@type": "what is for VMware",
    "devices/interface/rom@file": "boot ROMs of its own host",
    "devices/interface@trustGuestRxFilters": "cards whose guest chooses what they receive",
    "devices/input/source": "input devices of its own host",
    "devices/memory/source": "memory that is a file or a device of its own host",
    "devices/memory/target/label": "memory that is a file or a device of its own host",
    "devices/memory/target/readonly": "memory that is a file or a device of its own host",
    "devices/memory/target@dynamicMemslots": "slots of memory modules",
    "devices/memory/target/address": "addresses of memory modules",
    "devices/memory/uuid": "memory that is a file or a device of its own host",
    "devices/rng/backend/source": "random numbers from another program",
    "devices/rng/backend/protocol": "random numbers from another program",
    "devices/rng/backend/log": "random numbers from another program",
    "devices/rng/backend@type": "random numbers from another program",
    "devices/tpm/backend/device": "the TPM of its own host",
    "devices/tpm/backend/source": "a TPM that another program emulates",
    "devices/tpm/backend@debug": "logs of TPMs",
    "devices/tpm/backend/profile": "profiles of TPMs",
    "devices/tpm/backend/active_pcr_banks": "banks of TPMs",
    "devices/serial/log": "logs of consoles",
    "devices/console/log": "logs of consoles",
    "devices/parallel/log": "logs of consoles",
    "devices/channel/log": "logs of consoles",
    "devices/serial/protocol": "protocols of consoles",
    "devices/console/protocol": "protocols of consoles",
    "devices/parallel/protocol": "protocols of consoles",
    "devices/channel/protocol": "protocols of consoles",
    "devices/channel/target@address": "channels to addresses (guestfwd)",
    "devices/channel/target@port": "channels to addresses (guestfwd)",
    "devices/graphics/gl": "OpenGL of its own host",
    "devices/graphics/channel": "which channels of a console are encrypted",
    "devices/graphics/audio": "which sound a console has",
    "devices/graphics@defaultMode": "which channels of a console are encrypted",
    "devices/graphics@tlsPort": "which channels of a console are encrypted",
    "devices/graphics@websocket": "web sockets of consoles",
    "devices/graphics@powerControl": "power control by consoles",
    "devices/graphics@display": "screens of its own host",
    "devices/graphics@xauth": "screens of its own host",
    "devices/graphics@fullscreen": "screens of its own host",
    "devices/graphics@p2p": "screens of its own host",
    "devices/graphics@rendernode": "OpenGL of its own host",
    "devices/graphics@multiUser": "what is for VirtualBox",
    "devices/graphics@replaceUser": "what is for VirtualBox",
    "devices/graphics@username": "what is for remote desktops",
    "devices/video/model/acceleration@rendernode": "OpenGL of its own host",
    "devices/video/model@blob": "OpenGL of its own host",
    "devices/audio/input": "sound devices of its own host",
    "devices/audio/output": "sound devices of its own host",
    "devices/audio@timerPeriod": "sound devices of its own host",
    "devices/audio@driver": "sound devices of its own host",
    "devices/audio@serverName": "sound devices of its own host",
    "devices/audio@runtimeDir": "sound devices of its own host",
    "devices/audio@path": "sound devices of its own host",
    "devices/audio@dspPolicy": "sound devices of its own host",
    "devices/audio@exclusive": "sound devices of its own host",
    "devices/audio@tryMMap": "sound devices of its own host",
}
_UNSEEN: Mapping[str, str] = {
    "metadata": "notes of other programs, which are no part of the machine; our mark is put in",
    "@id": "libvirt numbers running machines itself",
    "perf": "what its own host counts of it",
    "defaultiothread": "libvirt's own",
    "sysinfo/system": "SMBIOS comes along, but for its uuid, which follows the machine's",
    "devices/disk/privateData": "libvirt's own",
    "devices/disk@snapshot": "where libvirt puts snapshots",
    "devices/disk/driver@iothread": "libvirt shares its threads out: a view of a disk on one can end QEMU 7.2",  # noqa: E501
    "devices/disk/driver/iothreads": "libvirt shares its threads out: a view of a disk on one can end QEMU 7.2",  # noqa: E501
    "devices/controller/driver@iothread": "libvirt shares its threads out: a view of a disk on one can end QEMU 7.2",  # noqa: E501
    "devices/controller/driver/iothreads": "libvirt shares its threads out: a view of a disk on one can end QEMU 7.2",  # noqa: E501
    "devices/graphics@connected": "what happens to open connections when the password changes",
    "devices/graphics@passwdValidTo": "there is no password that could end",
    "devices/memory/target/current": "what it has at the moment",
    "devices/tpm/backend@persistent_state": "the TPM's state is that of the recovery point",
    "devices/channel/target@state": "what it is at the moment",
    "devices/serial@tty": "what it is at the moment",
    "devices/console@tty": "what it is at the moment",
    "devices/parallel@tty": "what it is at the moment",
}
_ANYWHERE: Mapping[str, str] = {"alias": "libvirt names devices itself"}
"""Parts below any device, by the last name of the path."""

PARTS: Mapping[str, Part] = {
    **{path: Part(Fate.CHANGED, words) for path, words in _CHANGED.items()},
    **{path: Part(Fate.ANEW, words) for path, words in _ANEW.items()},
    **{path: Part(Fate.LEFT_OUT, words, is_named=True) for path, words in _NAMED.items()},
    **{path: Part(Fate.LEFT_OUT, words) for path, words in _UNSEEN.items()},
}
"""All parts except those that are taken over as they are."""


def of(place: str) -> Part | None:
    """What becomes of a part; None if the part is unknown."""
    if place in PARTS and not (PARTS[place].is_named and _is_carried(place)):
        return PARTS[place]
    return CARRIED if _is_carried(place) else _of_what_is_above(place)


def _is_carried(place: str) -> bool:
    path, is_attribute, name = place.partition("@")
    return path in allowed.ATTRIBUTES and (not is_attribute or name in allowed.ATTRIBUTES[path])


def _of_what_is_above(place: str) -> Part | None:
    path, is_attribute, _ = place.partition("@")
    at = path if is_attribute else path.rpartition("/")[0]
    if path.startswith("devices/") and (words := _ANYWHERE.get(path.rpartition("/")[2])) is not None:
        return Part(Fate.LEFT_OUT, words)
    while at:
        if at in PARTS and not _is_carried(at):
            return PARTS[at]
        at = at.rpartition("/")[0]
    return None


def is_missed(place: str) -> bool:
    """Whether the check names this part, which was not taken."""
    part = of(place)
    return part is None or part.is_named or part.fate is Fate.CARRIED


def named(places: Iterable[str]) -> Iterator[str]:
    """The parts in words, each once."""
    yield from dict.fromkeys(_words(place) for place in places)


def _words(place: str) -> str:
    part = PARTS.get(place) or of(place)
    return part.words if part is not None and part.is_named else place


def render() -> str:
    """The page of the reference."""
    rows = [*((_shown(path), part) for path, part in PARTS.items()), *_rows_of_what_is_carried()]
    lines = [
        "# What comes along of a libvirt definition\n",
        "When a machine runs at another site, for a drill or after a failover. At home a machine is again "
        "as it was defined there. An element stands for all below it, unless that stands here too; `@` "
        "begins an attribute. What another site says is taken only as far as it names nothing of this host. "
        "*Named*: the check before protection, `preflight` and `vault validate` tell of it where a machine "
        "has it. What is not in this table is left out and named.\n",
        "| part | fate | what it is, or becomes | named |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{path}` | {part.fate} | {part.words} | {'yes' if part.is_named else ''} |"
            for path, part in sorted(rows, key=lambda row: row[0])
        ),
    ]
    return "\n".join(lines) + "\n"


def _rows_of_what_is_carried() -> Iterator[tuple[str, Part]]:
    for path, names in allowed.ATTRIBUTES.items():
        places = [*([path] if path else []), *(f"{path}@{name}" for name in names)]
        if all(of(place) is CARRIED for place in places):
            attributes = f" with {', '.join(f'@{name}' for name in sorted(names))}" if names else ""
            yield path, Part(Fate.CARRIED, f"as it is{attributes}")
        else:
            yield from ((place, CARRIED) for place in places if of(place) is CARRIED)


def _shown(path: str) -> str:
    return path.replace(QEMU, "qemu:").replace("{http://libvirt.org/schemas/domain/", "{")
