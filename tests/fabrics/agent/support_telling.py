"""What an agent tells of a plain server, as it comes over the wire."""

import copy
from typing import Any

DRIVERS = (
    "virtio_pci", "virtio_blk", "virtio_scsi", "ahci", "nvme", "vmw_pvscsi", "megaraid_sas", "mptsas",
    "mpt3sas", "sd_mod", "virtio_net", "e1000e", "vmxnet3",
)  # fmt: skip
SERVER: dict[str, Any] = {
    "name": "db01",
    "firmware": {"kind": "uefi", "secure_boot": False, "fallback_loader": True},
    "vcpus": 4,
    "memory_bytes": 8 << 30,
    "disks": [
        {"key": "wwn:naa.5000c500a1", "name": "sdb", "size_bytes": 10 << 30, "boots": True},
        {"key": "serial:S2", "name": "sda", "size_bytes": 20 << 30},
        {"key": "serial:S3", "name": "pmem0", "size_bytes": 1 << 30, "refused": "it is memory"},
    ],
    "cards": [
        {
            "name": "eno1", "mac": "AA:BB:CC:00:00:01", "driver": "ixgbe", "addresses": ["192.0.2.5/24"],
            "gateways": ["192.0.2.1"], "method": "files", "files": ["/etc/network/interfaces"],
        },
        {"name": "eno2", "mac": "aa:bb:cc:00:00:02", "driver": "ixgbe"},
    ],
    "dns": ["192.0.2.53"],
    "kernels": [
        {
            "release": "6.1.0-50-amd64", "initramfs": "/boot/initrd.img-6.1.0-50-amd64", "default": True,
            "running": True, "drivers": dict.fromkeys(DRIVERS, "initramfs"),
        }
    ],
    "tool": "initramfs-tools",
    "host_only": False,
    "root": {"kind": "ext4", "layers": ["lvm"]},
    "looks": {
        "ssh": {"listens": True, "ports": [22], "let_in": "open"},
        "clock": {"at": 1795992000.5, "synchronized": True},
        "file_systems": [{"where": "/", "kind": "ext4", "size_bytes": 10 << 30, "free_bytes": 5 << 30}],
    },
}  # fmt: skip


def server(**changes):
    return {**copy.deepcopy(SERVER), **changes}
