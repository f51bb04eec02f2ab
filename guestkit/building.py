"""Build the guest's kernel and initramfs into a cache folder, once for each content.

    cache/kernel-elf-DIGEST/  vmlinux and the modules of Debian's package
    cache/agent/           qemu-ga, from Debian's package; its libraries are the host's
    cache/service-DIGEST/  programs of another kind of guest, from Debian's packages
    cache/initrd-KIND-DIGEST.cpio

Everything is made beside its place and renamed into it, so an interrupted build leaves nothing half made; a
lock file keeps builders apart.
"""

import enum
import fcntl
import hashlib
import os
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from guestkit import cpio, debian, errors, programs, services, tiers

DEFAULT_CACHE = Path(__file__).resolve().parent.parent / ".cache" / "guest"
INIT = Path(__file__).with_name("guest_init.sh")
HOOK = Path(__file__).with_name("fsfreeze_hook.sh")

# In the order of loading: a module comes after those that it needs. What the kernel has built in is no file,
# and skipped.
MODULES = (
    "virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover "
    "net_failover virtio_net virtio_console button evdev"
).split()
EXTRACTED = (*MODULES, *services.ISCSI.modules)
PACKED = ".xz"
"""So Debian 13 keeps modules."""
INDISPENSABLE = ("virtio_blk", "button")
AGENT = "usr/sbin/qemu-ga"
LIBRARY = re.compile(r".+\.so\.\d+")
"""Of the name of a library's file: the name by which programs ask for it."""
LZ4, ZSTD = b"\x02!L\x18", b"(\xb5/\xfd"
UNPACKERS = {LZ4: ["lz4", "-d", "-q", "-c"], ZSTD: ["zstd", "-d", "-q", "-c"]}
"""By what a compressed kernel begins with; Debian 12 has the first, 13 the second."""
SETUP_SECTORS, PAYLOAD = 0x1F1, 0x248
FOLDERS = (
    "bin",
    "sbin",
    "usr",
    "usr/sbin",
    "proc",
    "sys",
    "dev",
    "modules",
    "etc",
    "etc/qemu",
    "lib",
    "lib64",
    "service",
)


class Kind(enum.Enum):
    """What runs in the guest beside nothing at all."""

    WRITER = "writer"
    AGENT = "agent"  # the writer, and the real QEMU guest agent with a freeze hook
    SQLITE = "sqlite"  # the writer, and a database that commits rows
    ISCSI = "iscsi"  # the writer, and an initiator of the guest's own


SERVICES = {Kind.SQLITE: services.SQLITE, Kind.ISCSI: services.ISCSI}


@dataclass(frozen=True, slots=True)
class Guest:
    """The two files a machine boots from, and what it is."""

    kernel: Path
    initrd: Path
    kind: Kind


def build(cache: Path | None = None, kind: Kind = Kind.WRITER) -> Guest:
    """Kernel and initramfs of `kind`, from the cache when they are there; raises BuildFailed."""
    cache = (cache or DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache):
        kernel = once(cache / f"kernel-elf-{_digest_of_modules()}", _extract_kernel)
        initrd = _initrd(cache, kind.value, cpio.archive([*_entries(kernel, kind), *_more(cache, kind)]))
    return Guest(kernel / "vmlinux", initrd, kind)


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(place: Path, make: Callable[[Path], None]) -> Path:
    """`place`, made by `make` when it is not there yet."""
    if not place.exists():
        making = Path(tempfile.mkdtemp(prefix="making-", dir=place.parent))
        try:
            make(making)
            making.chmod(0o755)  # a QEMU that runs as another user reads it too
            making.rename(place)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return place


def _extract_kernel(into: Path) -> None:
    names = {f"{name}.ko{packed}" for name in EXTRACTED for packed in ("", PACKED)}

    def wanted(path: PurePosixPath) -> bool:
        return path.name in names or path.name.startswith("vmlinuz-")

    for extracted in debian.extract(debian.newest_kernel(), wanted, into):
        if extracted.name.startswith("vmlinuz-"):
            (into / "vmlinux").write_bytes(_unpacked(extracted.read_bytes()))
            extracted.unlink()
        elif extracted.name.endswith(PACKED):
            plain = programs.passed_through(["xz", "-d", "-q", "-c"], extracted.read_bytes())
            (into / extracted.name.removesuffix(PACKED)).write_bytes(plain)
            extracted.unlink()
    for name in INDISPENSABLE:
        if not (into / f"{name}.ko").exists():
            raise errors.BuildFailed(
                f"the kernel package has no module {name}; this kit knows the kernels of Debian 12 and 13"
            )


def _digest_of_modules() -> str:
    return hashlib.sha256(" ".join(EXTRACTED).encode()).hexdigest()[:8]


def _unpacked(image: bytes) -> bytes:
    """The ELF file in a compressed kernel image. QEMU boots it directly (PVH). Under TCG the image takes
    more processor time to unpack itself than to do much of the rest of its boot."""
    # by the header of Linux's boot protocol; the last four bytes are the size of what comes out
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    payload = image[(image[SETUP_SECTORS] + 1) * 512 + offset :][:length]
    unpacker = UNPACKERS.get(payload[:4])
    if unpacker is None:
        raise errors.BuildFailed(
            "the kernel is compressed neither with lz4 nor with zstd, as those of Debian 12 and 13 are"
        )
    kernel = programs.passed_through(unpacker, payload[:-4])
    if len(kernel) != int.from_bytes(payload[-4:], "little"):
        raise errors.BuildFailed("the kernel is not whole when unpacked; run ./dev setup again")
    return kernel


def _extract_agent(into: Path) -> None:
    debian.extract("qemu-guest-agent", lambda path: path.name == "qemu-ga", into)


def by_itself(cache: Path, name: str, init: Path) -> Guest:
    """What goes over to a system that lies on the first disk, by this first program; raises BuildFailed."""
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache):
        kernel = once(cache / f"kernel-elf-{_digest_of_modules()}", _extract_kernel)
        initrd = _initrd(cache, name, cpio.archive(_first(kernel, MODULES, init)))
    return Guest(kernel / "vmlinux", initrd, Kind.AGENT)


def _entries(kernel: Path, kind: Kind) -> list[cpio.Entry]:
    more = SERVICES[kind].modules if kind in SERVICES else ()
    return [*_first(kernel, (*MODULES, *more), INIT), *tiers.entries()]


def _first(kernel: Path, wanted: Iterable[str], init: Path) -> list[cpio.Entry]:
    """The first program, busybox, and modules in the order of loading."""
    modules = [name for name in wanted if (kernel / f"{name}.ko").exists()]
    return [
        *(cpio.folder(name) for name in FOLDERS),
        cpio.character_device("dev/console", 5, 1),
        cpio.file("init", init.read_bytes(), executable=True),
        *busybox(),
        cpio.file("modules/order", "\n".join(f"{name}.ko" for name in modules).encode()),
        *(cpio.file(f"modules/{name}.ko", (kernel / f"{name}.ko").read_bytes()) for name in modules),
    ]


def busybox() -> Iterator[cpio.Entry]:
    program = programs.find("busybox")
    yield cpio.file("bin/busybox", program.read_bytes(), executable=True)
    for applet in programs.run([program, "--list"]).split():
        if applet != "busybox":
            yield cpio.link(f"bin/{applet}", "busybox")


def _more(cache: Path, kind: Kind) -> Iterator[cpio.Entry]:
    """What guests of this kind alone have."""
    if kind is Kind.AGENT:
        agent = once(cache / "agent", _extract_agent)
        yield cpio.file("etc/qemu/fsfreeze-hook", HOOK.read_bytes(), executable=True)
        yield cpio.file("sbin/shutdown", b"#!/bin/sh\necho agent > /run/end\n", executable=True)
        yield from _programs(agent, {"qemu-ga": AGENT})
    if kind in SERVICES:
        service = SERVICES[kind]
        digest = hashlib.sha256(repr(service).encode()).hexdigest()[:8]
        place = once(cache / f"service-{digest}", lambda into: _extract_service(service, into))
        yield from service.entries()
        yield from _programs(place, {name: f"sbin/{name}" for name in service.programs})


def _extract_service(service: services.Service, into: Path) -> None:
    libraries = [debian.needed(service.package, pattern) for pattern in service.libraries]
    for package in (service.package, *libraries):
        for file in debian.extract(package, lambda path: _serves(path.name, service), into):
            asked = LIBRARY.match(file.name)
            if asked is not None and asked[0] != file.name:
                (into / asked[0]).symlink_to(file.name)


def _serves(name: str, service: services.Service) -> bool:
    return name in service.programs or LIBRARY.match(name) is not None


def _programs(folder: Path, places: dict[str, str]) -> Iterator[cpio.Entry]:
    """Programs of a folder, each in its place, and what the loader maps for them: "libc.so.6 =>
    /lib/x86_64-linux-gnu/libc.so.6 (0x...)"."""
    found: dict[str, Path] = {}
    for name, place in places.items():
        program = folder / name
        program.chmod(0o755)
        mapped = programs.run(["env", f"LD_LIBRARY_PATH={folder}", "ldd", program])
        if "not found" in mapped:
            raise errors.BuildFailed(f"the host lacks a library of {name}; run ./dev setup: {mapped}")
        found[place] = program
        for library, path in re.findall(r"^\s*(\S+)(?: => (/\S+))? \(0x", mapped, re.MULTILINE):
            source = path or library
            if source.startswith("/"):
                found[source.lstrip("/") if source == library else f"lib/{library}"] = Path(source)
    for place, source in found.items():
        yield cpio.file(place, source.read_bytes(), executable=True)


def _initrd(cache: Path, name: str, content: bytes) -> Path:
    place = cache / f"initrd-{name}-{hashlib.sha256(content).hexdigest()[:16]}.cpio"
    if not place.exists():
        making = place.with_suffix(f".{os.getpid()}")
        making.write_bytes(content)
        making.rename(place)
    return place
