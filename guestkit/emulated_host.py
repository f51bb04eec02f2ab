"""This machine's own system once more, under Debian's usual kernel in an emulated machine: for what the
kernel here lacks, such as a device mapper.

The emulated one reads the root folder of this one, and writes into its own memory; its one disk, /dev/vda, is
empty. A guest in it would take minutes to boot: machines there sit in their firmware."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from guestkit import building, cpio, debian, programs
from guestkit.errors import BuildFailed

INIT = Path(__file__).with_name("emulated_host_init.sh")
PACKAGE, KERNEL = "linux-image-amd64", r"linux-image-\d\S+"
MODULES = (
    "virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk netfs fscache "
    "9pnet 9pnet_virtio 9p overlay crc32c_generic libcrc32c dm-mod dm-bufio dm-bio-prison "
    "dm-persistent-data dm-thin-pool dm-snapshot"
).split()
"""In the order of loading."""
FOLDERS = ("bin", "sbin", "usr", "usr/sbin", "proc", "sys", "dev", "modules", "low", "up", "new")
KERNEL_SAYS = "console=ttyS0 quiet panic=-1 mitigations=off"
ENDED = "ENDED "
DISK_BYTES, MEMORY_MIB = 4 << 30, 4096


def run(folder: Path, command: str, within_seconds: float) -> tuple[int, str]:
    """Run a shell command there, as root, without a network; returns how it ended, and all that it and the
    kernel said. What that takes is made in `folder`. Raises BuildFailed if it did not run to its end."""
    kernel = building.once(folder / "kernel", _extract)
    initrd, disk, console = folder / "initrd.cpio", folder / "disk", folder / "console"
    initrd.write_bytes(cpio.archive([*_entries(kernel, command)]))
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    with console.open("wb") as file:
        subprocess.run(
            [programs.find("timeout"), str(within_seconds), *_qemu(kernel, initrd, disk)],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    said, _, ended = console.read_text(errors="replace").replace("\r", "").rpartition(ENDED)
    code = ended.split()[:1]
    if not said or not code:
        raise BuildFailed(f"the emulated host did not run to its end: {ended[-3000:]}")
    return int(code[0]), said


def _extract(into: Path) -> None:
    names = {f"{name}.ko{packed}" for name in MODULES for packed in ("", building.PACKED)}
    package = debian.needed(PACKAGE, KERNEL)
    for file in debian.extract(
        package, lambda path: path.name in names or path.name.startswith("vmlinuz-"), into
    ):
        if file.name.startswith("vmlinuz-"):
            file.rename(into / "vmlinuz")
        elif file.name.endswith(building.PACKED):
            programs.run(["xz", "-d", "-q", file])


def _entries(kernel: Path, command: str) -> Iterator[cpio.Entry]:
    modules = [f"{name}.ko" for name in MODULES if (kernel / f"{name}.ko").exists()]
    yield from map(cpio.folder, FOLDERS)
    yield cpio.character_device("dev/console", 5, 1)
    yield cpio.file("init", INIT.read_bytes(), executable=True)
    yield from building.busybox()
    yield cpio.file("modules/order", "\n".join(modules).encode())
    yield from (cpio.file(f"modules/{name}", (kernel / name).read_bytes()) for name in modules)
    yield cpio.file("command", command.encode())


def _qemu(kernel: Path, initrd: Path, disk: Path) -> list[str]:
    root = "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
    return [
        "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
        "-m", str(MEMORY_MIB), "-nographic", "-no-reboot", "-nic", "none",
        "-kernel", str(kernel / "vmlinuz"), "-initrd", str(initrd), "-append", KERNEL_SAYS,
        "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe",
        "-fsdev", root, "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
        "-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
    ]  # fmt: skip
