"""What another site may say about a machine: elements and attributes of a domain, and how their values look.

The other site wrote the definition, and whoever controls that site may want to attack this host. So only what
is listed here is taken from it: no file, device, program, listener or namespace
(https://libvirt.org/formatdomain.html). What this site chooses, such as disks, networks and consoles, is put
in afterwards."""

import re
from collections.abc import Mapping

WORD = re.compile(r"[\w.:+-]{0,128}")
PLAIN = re.compile(r"[\w .,:;+()\[\]=*%#@&-]{0,256}")
"""A plain value. It has no slash, so it is no path."""
PRINTABLE = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{0,4096}")
FIRMWARE = re.compile(
    r"/usr/share/(OVMF|AAVMF|ovmf|edk2|edk2-ovmf|qemu|qemu-efi[\w-]*|seabios)(/\w[\w.+-]*)+"
)
"""Folders where distributions keep files that machines of all owners read, and never write."""
ABSOLUTE = re.compile(r"/[^\x00-\x1f]{1,1024}")

MANY = ("throttlegroups/throttlegroup", "devices/disk/throttlefilters/throttlefilter", "devices/interface/filterref/parameter", "devices/redirfilter/usbdev", "cpu/feature", "cpu/numa/cell", "cpu/numa/cell/distances/sibling", "cpu/cache", "clock/timer", "os/boot",  # noqa: E501
        "os/firmware/feature", "vcpus/vcpu", "sysinfo/oemStrings/entry")  # fmt: skip
"""Elements that may occur several times, besides devices and entries of tables."""

_ADDRESS = (
    "type domain bus slot function multifunction controller target unit port base iobase irq cssid ssid "
    "devno reg"
)
_DRIVER = "iommu ats packed page_per_vq"
_DEVICE: Mapping[str, str] = {"": "", "address": _ADDRESS, "address/zpci": "uid fid", "acpi": "index"}
_TERMINAL: Mapping[str, str] = {
    "": "type",
    "address": _ADDRESS,
    "target": "type port",
    "target/model": "name",
}

_IOTUNE = (
    *(
        f"{which}_{what}_sec{more}"
        for which in ("total", "read", "write")
        for what in ("bytes", "iops")
        for more in ("", "_max", "_max_length")
    ),
    "size_iops_sec",
    "group_name",
)

_DEVICES: Mapping[str, Mapping[str, str]] = {
    "disk": {
        "": "type device model",
        "driver": "name type cache io discard detect_zeroes error_policy rerror_policy queues queue_size "
        f"event_idx ioeventfd copy_on_read discard_no_unref {_DRIVER}",
        "driver/metadata_cache": "",
        "driver/metadata_cache/max_size": "unit",
        "target": "dev bus tray removable rotation_rate",
        "boot": "order loadparm",
        "serial": "",
        "wwn": "",
        "vendor": "",
        "product": "",
        "geometry": "cyls heads secs trans",
        "blockio": "logical_block_size physical_block_size discard_granularity",
        "shareable": "",
        "readonly": "",
        "throttlefilters": "",
        "throttlefilters/throttlefilter": "group",
        "iotune": "",
        **dict.fromkeys((f"iotune/{name}" for name in _IOTUNE), ""),
    },
    "interface": {
        "": "type",
        "mac": "address type",
        "model": "type",
        "driver": (
            "name queues rx_queue_size tx_queue_size event_idx ioeventfd txmode rss rss_hash_report "
            f"{_DRIVER}"
        ),
        "driver/host": "csum gso tso4 tso6 ecn ufo mrg_rxbuf",
        "driver/guest": "csum tso4 tso6 ecn ufo",
        "boot": "order loadparm",
        "link": "state",
        "filterref": "filter",
        "filterref/parameter": "name value",
        "port": "isolated",
        "bandwidth": "",
        "bandwidth/inbound": "average peak burst",
        "bandwidth/outbound": "average peak burst",
        "mtu": "size",
        "rom": "bar enabled",
    },
    "controller": {
        "": "type index model ports vectors",
        "driver": f"queues cmd_per_lun max_sectors ioeventfd {_DRIVER}",
        "target": "chassisNr chassis port busNr hotplug index",
        "model": "name",
        "master": "startport",
        "pcihole64": "unit",
    },
    "serial": _TERMINAL,
    "console": _TERMINAL,
    "parallel": _TERMINAL,
    "channel": {"": "type", "target": "type name"},
    "graphics": {
        "": "type port autoport keymap sharePolicy passwd",
        "listen": "type address",
        "image": "compression",
        "jpeg": "compression",
        "zlib": "compression",
        "playback": "compression",
        "streaming": "mode",
        "clipboard": "copypaste",
        "filetransfer": "enable",
        "mouse": "mode",
    },
    "video": {
        "model": "type ram vram vram64 vgamem heads primary blob",
        "model/acceleration": "accel3d accel2d",
        "model/resolution": "x y",
        "driver": f"name vgaconf {_DRIVER}",
    },
    "input": {"": "type bus model", "driver": _DRIVER},
    "sound": {"": "model streams multichannel", "driver": _DRIVER, "codec": "type", "audio": "id"},
    "audio": {"": "id type"},
    "rng": {"": "model", "rate": "bytes period", "backend": "model", "driver": _DRIVER},
    "memballoon": {"": "model autodeflate freePageReporting", "stats": "period", "driver": _DRIVER},
    "watchdog": {"": "model action"},
    "panic": {"": "model"},
    "tpm": {"": "model", "backend": "type version", "backend/encryption": "secret"},
    "iommu": {"": "model", "driver": "intremap caching_mode eim iotlb aw_bits dma_translation"},
    "hub": {"": "type"},
    "redirdev": {"": "bus type", "boot": "order loadparm"},
    "redirfilter": {"": "", "usbdev": "class vendor product version allow"},
    "memory": {
        "": "model access discard",
        "target": "",
        "target/size": "unit",
        "target/node": "",
        "target/block": "unit",
        "target/requested": "unit",
    },
}

CPU_LIMITS = ("shares", "period", "quota", "global_period", "global_quota", "emulator_period", "emulator_quota",  # noqa: E501
              "iothread_period", "iothread_quota")  # fmt: skip
MEMORY_LIMITS = ("hard_limit", "soft_limit", "swap_hard_limit")

_MACHINE: Mapping[str, str] = {
    "": "type",
    "name": "",
    "uuid": "",
    "genid": "",
    "title": "",
    "description": "",
    "maxMemory": "slots unit",
    "memory": "unit dumpCore",
    "currentMemory": "unit",
    "vcpu": "placement current",
    "vcpus": "",
    "vcpus/vcpu": "id enabled hotpluggable order",
    "iothreads": "",
    "sysinfo": "type",
    "sysinfo/bios": "",
    "sysinfo/bios/entry": "name",
    "sysinfo/system": "",
    "sysinfo/system/entry": "name",
    "sysinfo/baseBoard": "",
    "sysinfo/baseBoard/entry": "name",
    "sysinfo/chassis": "",
    "sysinfo/chassis/entry": "name",
    "sysinfo/oemStrings": "",
    "sysinfo/oemStrings/entry": "",
    "os": "firmware",
    "os/type": "arch machine",
    "os/kernel": "",
    "os/initrd": "",
    "os/cmdline": "",
    "os/firmware": "",
    "os/firmware/feature": "enabled name",
    "os/loader": "readonly secure type stateless format",
    "os/nvram": "template format templateFormat",
    "os/boot": "dev",
    "os/bootmenu": "enable timeout",
    "os/smbios": "mode",
    "os/bios": "useserial rebootTimeout",
    "features": "",
    "features/hyperv": "mode",
    "features/kvm": "",
    "features/gic": "version",
    "features/smm": "state",
    "features/smm/tseg": "unit",
    "features/ioapic": "driver",
    "features/hpt": "resizing",
    "features/apic": "eoi",
    "features/msrs": "unknown",
    "features/async-teardown": "enabled",
    "features/tcg": "",
    "features/tcg/tb-cache": "unit",
    "cputune": "",
    **{f"cputune/{name}": "" for name in CPU_LIMITS},
    "memtune": "",
    **{f"memtune/{name}": "unit" for name in MEMORY_LIMITS},
    "blkiotune": "",
    "blkiotune/weight": "",
    "throttlegroups": "",
    "throttlegroups/throttlegroup": "",
    **{f"throttlegroups/throttlegroup/{name}": "" for name in _IOTUNE},
    "cpu": "mode match check migratable deprecated_features",
    "cpu/model": "fallback vendor_id",
    "cpu/vendor": "",
    "cpu/topology": "sockets dies clusters cores threads",
    "cpu/cache": "level mode",
    "cpu/maxphysaddr": "mode bits limit",
    "cpu/feature": "policy name",
    "cpu/numa": "",
    "cpu/numa/cell": "id cpus memory unit memAccess discard",
    "cpu/numa/cell/distances": "",
    "cpu/numa/cell/distances/sibling": "id value",
    "clock": "offset adjustment basis timezone start",
    "clock/timer": "name track tickpolicy present frequency mode",
    "clock/timer/catchup": "threshold slew limit",
    "on_poweroff": "",
    "on_reboot": "",
    "on_crash": "",
    "pm": "",
    "pm/suspend-to-mem": "enabled",
    "pm/suspend-to-disk": "enabled",
    "memoryBacking": "",
    "memoryBacking/nosharepages": "",
    "memoryBacking/source": "type",
    "memoryBacking/access": "mode",
    "memoryBacking/discard": "",
    "devices": "",
}
_SWITCHES = ("acpi", "pae", "hap", "viridian", "privnet", "pvspinlock", "pmu", "vmport", "vmcoreinfo", "htm", "nested-hv",  # noqa: E501
             "ps2", "ras")  # fmt: skip
_HYPERV = ("relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "stimer/direct", "reset", "vendor_id",  # noqa: E501
           "frequencies", "reenlightenment", "tlbflush", "tlbflush/direct", "tlbflush/extended", "ipi",
           "evmcs", "avic",
           "emsr_bitmap", "xmm_input")  # fmt: skip
_KVM = ("hidden", "hint-dedicated", "poll-control", "pv-ipi", "dirty-ring")


def _attributes() -> dict[str, frozenset[str]]:
    found = dict(_MACHINE)
    found |= {f"features/{name}": "state" for name in _SWITCHES}
    found |= {f"features/hyperv/{name}": "state retries value" for name in _HYPERV}
    found |= {f"features/kvm/{name}": "state size" for name in _KVM}
    for device, parts in _DEVICES.items():
        for part, attributes in {**_DEVICE, **parts}.items():
            found["/".join(filter(None, ("devices", device, part)))] = attributes
    return {path: frozenset(names.split()) for path, names in found.items()}


ATTRIBUTES: Mapping[str, frozenset[str]] = _attributes()
"""Allowed attributes by the element's path below the domain; the domain's own path is ''."""

ONE_OF: Mapping[str, frozenset[str]] = {
    path: frozenset(words.split())
    for path, words in {
        "@type": "kvm qemu",
        "sysinfo@type": "smbios",
        "memoryBacking/source@type": "memfd anonymous",
        "devices/serial@type": "pty file",
        "devices/console@type": "pty file",
        "devices/parallel@type": "pty file",
        "devices/channel@type": "unix spicevmc pty",
        "devices/channel/target@type": "virtio",
        "devices/graphics@type": "vnc spice",
        "devices/graphics/listen@type": "none socket address",
        "devices/redirdev@type": "spicevmc",
        "os/loader@format": "raw qcow2",
        "os/nvram@format": "raw qcow2",
        "os/nvram@templateFormat": "raw qcow2",
        "devices/input@type": "mouse tablet keyboard",
        "devices/audio@type": "none spice",
        "devices/rng/backend@model": "random builtin",
        "devices/tpm/backend@type": "emulator",
        "devices/memory@model": "dimm virtio-mem",
        "devices/disk/driver@name": "qemu",
    }.items()
}
"""Allowed kinds of elements whose kind decides what else they need: those that need nothing of a host. An
element of another kind is removed."""

INSTEAD: Mapping[str, str] = {
    **dict.fromkeys((f"devices/{name}@type" for name in ("serial", "console", "parallel")), "pty"),
    "devices/audio@type": "none",
}
"""Kinds of elements that stay in any case, because the guest sees them."""

VALUES: Mapping[str, re.Pattern[str]] = {
    "devices/graphics@passwd": re.compile(""),
    "devices/graphics/listen@address": re.compile(r"127\.0\.0\.1|::1"),
    "os/nvram@template": FIRMWARE,
    "clock@timezone": re.compile(r"\w+(/[\w+-]+)*"),
}
"""Patterns for attributes whose values are not PLAIN."""

TEXTS: Mapping[str, re.Pattern[str]] = {
    "name": re.compile(r"[^/\x00-\x1f]{1,255}"),
    "title": PRINTABLE,
    "description": PRINTABLE,
    "os/loader": FIRMWARE,
    "os/kernel": ABSOLUTE,
    "os/initrd": ABSOLUTE,
    "os/cmdline": PRINTABLE,
    "devices/rng/backend": re.compile(r"/dev/u?random"),
    **dict.fromkeys(
        ("uuid", "genid", "maxMemory", "memory", "currentMemory", "vcpu", "iothreads", "os/type"), WORD
    ),
    **dict.fromkeys(
        ("cpu/model", "cpu/vendor", "on_poweroff", "on_reboot", "on_crash", "features/smm/tseg"), WORD
    ),
    **dict.fromkeys(
        (f"devices/memory/target/{name}" for name in ("size", "node", "block", "requested")), WORD
    ),
    **dict.fromkeys((f"cputune/{name}" for name in CPU_LIMITS), WORD),
    **dict.fromkeys((f"memtune/{name}" for name in MEMORY_LIMITS), WORD),
    **dict.fromkeys(
        ("blkiotune/weight", "features/tcg/tb-cache", "devices/disk/driver/metadata_cache/max_size"), WORD
    ),
    "devices/controller/pcihole64": WORD,
    **dict.fromkeys((path for path in ATTRIBUTES if path.rpartition("/")[2] in _IOTUNE), WORD),
    **dict.fromkeys((f"devices/disk/{name}" for name in ("serial", "wwn", "vendor", "product")), PLAIN),
    **dict.fromkeys(
        (path for path in ATTRIBUTES if path.startswith("sysinfo/") and path.endswith("/entry")), PRINTABLE
    ),
}
"""Elements that have a text; no other element has one."""
