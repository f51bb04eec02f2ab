"""Whole Debian systems on ordinary disks: with a boot loader of their own, for BIOS and UEFI, an initramfs
that their own programs made, and systemd. They show on which hardware a system boots that was made elsewhere.

    cache/system-root-RELEASE-TOOL-DIGEST/    the files, by debootstrap
    cache/system-NAME-DIGEST.raw              the disk, made ready by a first start on virtio
"""

import enum
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from guestkit import building, debian, programs, system_runs
from guestkit.errors import BuildFailed

MiB = 1 << 20
HERE = Path(__file__).parent
FIRST, COMMAND = HERE / "whole_system.sh", HERE / "server_command.sh"
DISK_MIB, ROOT_AT_MIB = 2560, 66
PARTS = f"""label: gpt
start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649
start=2MiB, size=64MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
start={ROOT_AT_MIB}MiB, type={{}}
"""
LINUX, LVM = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "E6D6D379-F507-44C2-A23C-238F2A3DF928"
PACKAGES = (
    "systemd-sysv udev kmod zstd linux-image-amd64 grub-pc-bin grub-efi-amd64-bin grub2-common e2fsprogs "
    "xfsprogs lvm2 iproute2 fdisk dosfstools initramfs-tools"
).split()
SERVICE = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/whole-system
[Install]
WantedBy=multi-user.target
"""
COMMAND_UNIT = """[Unit]
ConditionPathExists=/dev/ttyS1
[Service]
ExecStart=/usr/local/sbin/command
StandardInput=tty-force
StandardOutput=tty
TTYPath=/dev/ttyS1
Restart=always
[Install]
WantedBy=multi-user.target
"""
NETWORK = "[Match]\nType=ether\n[Network]\nDHCP=yes\n"
CONSOLE = "console=ttyS0 quiet no_timer_check mitigations=off"
"""A busy host delivers a timer too late for what the kernel checks at its start."""
GRUB = """GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX="console=ttyS0 quiet no_timer_check mitigations=off"
GRUB_TERMINAL=console
GRUB_DISABLE_OS_PROBER=true
"""
UNWANTED = "apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer systemd-timesyncd.service serial-getty@ttyS0.service"  # noqa: E501
BUILD_SECONDS = 1800
ENDED = "\0"
"""What no system says: it ends by itself."""


class Prepared(enum.Enum):
    """How its initramfs was made, by a start on virtio; LOGICAL and HOST_ONLY: for XFS on LVM."""

    MOST = "most"
    DEP = "dep"
    HOST_ONLY = "host-only"
    LOGICAL = "logical"


@dataclass(frozen=True, slots=True)
class System:
    """A release, the tool that makes its initramfs, and how."""

    release: str
    prepared: Prepared = Prepared.MOST
    tool: str = "initramfs-tools"


SYSTEMS = {
    "debian-12": System("bookworm"),
    "debian-12-dep": System("bookworm", Prepared.DEP),
    "debian-12-dracut": System("bookworm", Prepared.HOST_ONLY, "dracut"),
    "debian-12-lvm-xfs": System("bookworm", Prepared.LOGICAL),
    "debian-11": System("bullseye"),
    "debian-13": System("trixie"),
}


def disk(name: str, cache: Path | None = None) -> Path:
    """The raw disk of one of SYSTEMS, from the cache when it is there: to be copied, not written to. Needs
    root. Raises BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    system = SYSTEMS[name]
    made = cache / f"system-{name}-{digest([FIRST.read_text(), PARTS, GRUB, SERVICE, COMMAND_UNIT])}"
    if not made.exists():  # else nobody waits for another one in the making
        with building.alone(cache):
            root = building.once(
                cache / f"system-root-{system.release}-{system.tool}-{digest(PACKAGES)}",
                lambda into: install(system, into / "root"),
            )
            building.once(made, lambda into: _make(system, root / "root", into))
    return made / "disk.raw"


def digest(parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def install(system: System, root: Path, more: tuple[str, ...] = ()) -> None:
    """The files of a system, with more packages than all have."""
    wanted = ",".join((*PACKAGES, *more))
    programs.run(
        ["debootstrap", "--variant=minbase", f"--include={wanted}", system.release, root, debian.archive()],
        within_seconds=BUILD_SECONDS,
    )
    if system.tool != "initramfs-tools":
        (root / "etc/resolv.conf").write_text(Path("/etc/resolv.conf").read_text())
        programs.run(
            ["unshare", "--mount", "sh", "-ec", _REPLACE, "sh", root, system.tool],
            within_seconds=BUILD_SECONDS,
        )
    shutil.rmtree(root / "var/cache/apt/archives")
    shutil.rmtree(root / "var/lib/apt/lists")


def _make(system: System, root: Path, into: Path) -> None:
    """A disk with the files, then what its first start makes of it."""
    own = into / "root"
    programs.run(["cp", "-a", "--reflink=auto", root, own], within_seconds=BUILD_SECONDS)
    _configure(own)
    first = into / "first.raw"
    fill(own, first)
    shutil.rmtree(own)
    disks = [first]
    if system.prepared in (Prepared.LOGICAL, Prepared.HOST_ONLY):
        disks.append(blank(into / "second.raw"))
    start(into, root, disks, system.prepared.value)
    disks.pop().rename(into / "disk.raw")
    first.unlink(missing_ok=True)


def _boot_file(root: Path, kind: str) -> Path:
    return max((root / "boot").glob(f"{kind}-*"))


def _configure(root: Path) -> None:
    commands(root)
    script = root / "usr/local/sbin/whole-system"
    script.write_bytes(FIRST.read_bytes())
    script.chmod(0o755)
    (root / "usr/local/share/parts").write_text(PARTS.format(LVM))
    (root / "etc/systemd/system/whole-system.service").write_text(SERVICE)
    (root / "etc/default/grub").write_text(GRUB)
    (root / "etc/fstab").write_text("LABEL=root / ext4 defaults 0 1\n")
    (root / "etc/hostname").write_text("whole\n")
    (root / "etc/machine-id").write_text("")
    for words in (["enable", "whole-system.service"], ["mask", *UNWANTED.split()]):
        programs.run(["systemctl", f"--root={root}", *words])


def commands(root: Path) -> None:
    """Whoever has its second serial port has a shell in it; its cards ask for addresses."""
    script = root / "usr/local/sbin/command"
    script.write_bytes(COMMAND.read_bytes())
    script.chmod(0o755)
    (root / "etc/systemd/system/command.service").write_text(COMMAND_UNIT)
    (root / "etc/systemd/network/any.network").write_text(NETWORK)
    programs.run(["systemctl", f"--root={root}", "enable", "command.service", "systemd-networkd.service"])


def blank(path: Path, mib: int = DISK_MIB) -> Path:
    """An empty disk."""
    with path.open("wb") as file:
        file.truncate(mib * MiB)
    return path


def fill(root: Path, path: Path) -> None:
    """The partitions, and the files in the last of them."""
    blank(path)
    table = PARTS.format(LINUX).encode()
    programs.passed_through(
        ["unshare", "--mount", "sh", "-ec", _PARTITION, "sh", str(root), str(path)], table
    )
    size = f"{DISK_MIB - ROOT_AT_MIB - 1}M"
    programs.run(
        ["mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, "-E", f"offset={ROOT_AT_MIB * MiB}", path, size],
        within_seconds=BUILD_SECONDS,
    )


_REPLACE = """for each in proc sys dev; do mount --rbind /$each "$1/$each"; done
DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -y -q --no-install-recommends "$2"
"""
_PARTITION = 'touch "$1/mnt/disk"; mount --bind "$2" "$1/mnt/disk"; chroot "$1" /sbin/sfdisk -q /mnt/disk'


def start(into: Path, root: Path, disks: list[Path], prepared: str) -> None:
    kernel, initrd = (_boot_file(root, kind) for kind in ("vmlinuz", "initrd.img"))
    told = f"root=LABEL=root rw {CONSOLE} system.prepare={prepared}"
    words = ["-nic", "none", "-kernel", str(kernel), "-initrd", str(initrd), "-append", told]
    for each in disks:
        words += ["-drive", f"file={each},if=virtio,format=raw,cache=unsafe"]
    said = system_runs.run(words, into / "console", ENDED)
    if f"PREPARED {prepared}" not in said:
        raise BuildFailed(f"the system did not make itself ready: {said[-3000:]}")


def is_possible() -> bool:
    """Whether such disks can be made here."""
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None
