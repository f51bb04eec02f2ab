"""A whole Debian with systemd, whose one card one of the four programs configures that Debian has for it. Its
address, gateway and name server are those of a site, written as somebody would by hand.

It boots by our kernel from a disk without partitions, which it writes on for itself: no boot loader, and no
initramfs of its own, which take an emulated machine minutes.

    cache/configured-root-DIGEST/            the files that all have, by debootstrap
    cache/configured-root-PROGRAM-DIGEST/    these with the program
    cache/configured-PROGRAM-DIGEST/         disk.qcow2
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from guestkit import building, debian, programs, systems

HERE = Path(__file__).parent
INIT, TELLS = HERE / "configured_init.sh", HERE / "configured_tells.sh"
RELEASE, DISK_MIB, MEMORY_MIB = "bookworm", 1024, 384
PACKAGES = ("systemd-sysv", "udev", "kmod", "dbus", "iproute2", "qemu-guest-agent")
ADDRESS, GATEWAY, SERVER = "10.7.9.1", "10.7.9.254", "10.7.9.253"
CARD = "eth0"

INTERFACES = f"""# The loopback network interface
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug {CARD}
iface {CARD} inet static
\taddress {ADDRESS}/24
\tgateway {GATEWAY}
\t# dns-* options are implemented by the resolvconf package, if installed
\tdns-nameservers {SERVER}
\tdns-search site-a.example
"""
NETWORKD = f"""# the wired network
[Match]
Name={CARD}

[Network]
Address={ADDRESS}/24
Gateway={GATEWAY}
DNS={SERVER}
Domains=site-a.example
"""
CONNECTION = f"""[connection]
id=Wired connection 1
uuid=5fb06bd0-0bb0-7ffb-45f1-d6edd65f3e03
type=ethernet
interface-name={CARD}
timestamp=1700000000

[ethernet]

[ipv4]
address1={ADDRESS}/24,{GATEWAY}
dns={SERVER};
dns-search=site-a.example;
method=manual

[ipv6]
addr-gen-mode=default
method=auto

[proxy]
"""
NETPLAN = f"""# Let networkd manage the card.
network:
  version: 2
  renderer: networkd
  ethernets:
    {CARD}:
      dhcp4: no
      addresses: [{ADDRESS}/24]   # of site a
      routes:
        - to: default
          via: {GATEWAY}
      nameservers:
        search: [site-a.example]
        addresses: [{SERVER}]
"""
CONFIGURED: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "ifupdown": ("etc/network/interfaces", INTERFACES, ("ifupdown",)),
    "systemd-networkd": ("etc/systemd/network/20-wired.network", NETWORKD, ("systemd-resolved",)),
    "NetworkManager": (
        "etc/NetworkManager/system-connections/Wired connection 1.nmconnection",
        CONNECTION,
        ("network-manager",),
    ),
    "netplan": ("etc/netplan/01-netcfg.yaml", NETPLAN, ("netplan.io", "systemd-resolved")),
}
"""By the program: the file that configures the card, what it says, and the packages."""
SECRET = {"NetworkManager", "netplan"}
BY_NETWORKD = {"systemd-networkd", "netplan"}
UNITS = {
    "etc/systemd/system/tells.service": "[Unit]\nAfter=multi-user.target\n[Service]\n"
    "ExecStart=/usr/local/sbin/tells\n[Install]\nWantedBy=multi-user.target\n",
    # an emulated machine on a busy host takes its time
    "etc/systemd/system.conf.d/slow.conf": "[Manager]\nDefaultTimeoutStartSec=900\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/hostname": "web01\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 web01\n",
    "etc/machine-id": "",
}
UNWANTED = (
    f"{systems.UNWANTED} systemd-networkd-wait-online.service NetworkManager-wait-online.service "
    "proc-sys-fs-binfmt_misc.automount getty@tty1.service"
)


def guest(cache: Path | None = None) -> building.Guest:
    """What such a system boots by. Raises BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    return building.by_itself(cache, "configured", INIT)


def image(program: str, cache: Path | None = None) -> Path:
    """The disk of the system that this one of CONFIGURED configures, from the cache when it is there: to be
    copied, not written to. Needs root. Raises BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    *text, packages = CONFIGURED[program]
    base, more = systems.digest([PACKAGES, RELEASE]), systems.digest([PACKAGES, RELEASE, packages])
    made = cache / f"configured-{program}-{systems.digest([more, text, TELLS.read_text(), UNITS, UNWANTED])}"
    if not made.exists():  # else nobody waits for another one in the making
        with building.alone(cache):
            plain = building.once(cache / f"configured-root-{base}", lambda into: _install(into / "root"))
            root = building.once(
                cache / f"configured-root-{program}-{more}",
                lambda into: _add(plain / "root", into / "root", packages),
            )
            building.once(made, lambda into: _make(program, root / "root", into))
    return made / "disk.qcow2"


def _install(root: Path) -> None:
    """What all have in common."""
    words = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    programs.run([*words, RELEASE, root, debian.archive()], within_seconds=systems.BUILD_SECONDS)


def _add(plain: Path, root: Path, packages: tuple[str, ...]) -> None:
    """The same with more packages. What installs them sees no card of this machine."""
    programs.run(["cp", "-a", "--reflink=auto", plain, root], within_seconds=systems.BUILD_SECONDS)
    (root / "etc/resolv.conf").write_text(Path("/etc/resolv.conf").read_text())
    for words in (["--mount", "--download-only"], ["--mount", "--net", "--no-download"]):
        *spaces, how = words
        programs.run(
            ["unshare", *spaces, "sh", "-ec", _ADD, "sh", root, how, *packages],
            within_seconds=systems.BUILD_SECONDS,
        )
    for each in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(root / each)


_ADD = """root=$1; shift
for each in proc dev; do mount --rbind "/$each" "$root/$each"; done
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -q --no-install-recommends "$@"
"""


def _make(program: str, root: Path, into: Path) -> None:
    own, raw = into / "root", into / "raw"
    programs.run(["cp", "-a", "--reflink=auto", root, own], within_seconds=systems.BUILD_SECONDS)
    _configure(program, own)
    systems.blank(raw, DISK_MIB)
    made = "lazy_itable_init=0,lazy_journal_init=0"
    words: list[str | Path] = ["mkfs.ext4", "-q", "-F", "-L", "root", "-E", made, "-d", own, raw]
    programs.run(words, within_seconds=systems.BUILD_SECONDS)
    programs.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, into / "disk.qcow2"])
    raw.unlink()
    shutil.rmtree(own)


def _configure(program: str, root: Path) -> None:
    path, text, _ = CONFIGURED[program]
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    (root / path).chmod(0o600 if program in SECRET else 0o644)
    for each, content in UNITS.items():
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        (root / each).write_text(content)
    script = root / "usr/local/sbin/tells"
    script.write_bytes(TELLS.read_bytes())
    script.chmod(0o755)
    # the names of cards stay as the kernel gives them, as in Debian's images for clouds
    (root / "etc/systemd/network/99-default.link").symlink_to("/dev/null")
    resolv_conf = root / "etc/resolv.conf"
    if program in BY_NETWORKD:
        resolv_conf.unlink(missing_ok=True)
        resolv_conf.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    else:
        resolv_conf.write_text(f"search site-a.example\nnameserver {SERVER}\n")
    services = ["tells.service", *(["systemd-networkd.service"] if program in BY_NETWORKD else [])]
    for words in (["enable", *services], ["mask", *UNWANTED.split()]):
        programs.run(["systemctl", f"--root={root}", *words])
