"""A real libvirtd of the test's own, as a host's system has it: `qemu:///system` inside a mount namespace.

The daemon keeps its state in fixed places (/run, /var/lib/libvirt, ...). Each of them is an empty file system
there, so neither the host's libvirtd nor another test's is met. From outside, its socket is reached by a
remote URI; a program that is to say `qemu:///system` is started inside, see `inside`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from rig.eventually import eventually
from rig.hosts import LibvirtHost

PRIVATE = ("/run", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/etc/libvirt")
CACHE = Path(__file__).resolve().parents[2] / ".cache"
CAPABILITIES = CACHE / "libvirt-system-capabilities"
LOCALES = CACHE / "locales"
TRANSLATED = "/usr/share/locale/{language}/LC_MESSAGES/libvirt.mo"
BEGIN = """
set -e
mount --make-rprivate /
for place in "$@"; do mkdir -p "$place"; mount -t tmpfs -o mode=755 private "$place"; done
if [ -c /dev/kvm ]; then  # as udev has it on a Debian host; where QEMU's user has no access libvirt probes QEMU at every call
    mknod -m 660 /run/kvm c 10 232 && chown libvirt-qemu /run/kvm && mount --bind /run/kvm /dev/kvm
fi
mkdir -p /var/cache/libvirt/qemu
[ -z "$HOST" ] || { hostname "libvirtd-$HOST" && echo "host_uuid = \\"$HOST\\"" > /etc/libvirt/libvirtd.conf; }
[ -z "$HOOK" ] || install -D -m 755 "$HOOK" /etc/libvirt/hooks/qemu.d/secondsite
[ ! -d "$CAPABILITIES" ] || cp -a "$CAPABILITIES" /var/cache/libvirt/qemu/capabilities
"""  # noqa: E501


MODULAR = ("virtqemud", "virtnetworkd", "virtstoraged", "virtsecretd", "virtnodedevd", "virtnwfilterd")
"""What is there instead of libvirtd, where a distribution has that."""
START = """
for each in $BESIDE; do setpriv --pdeathsig KILL "$each" & done
exec "$DAEMON"
"""


class Libvirtd:
    """The daemon, from `start` to `stop`. Guests outlive `kill`, as they do on a host."""

    def __init__(self, own_network, hook, own_host=False, locale="", modular=False):
        daemons = MODULAR if modular else ("libvirtd",)
        self._daemon, self._beside = daemons[0], daemons[1:]
        self._socket = f"/run/libvirt/{'virtqemud' if modular else 'libvirt'}-sock"
        self._restarted = []
        command = [
            "unshare",
            "--mount",
            *(["--net"] if own_network else []),
            *(["--uts"] if own_host else []),
            "sh",
            "-c",
            BEGIN + START,
            "libvirtd",
            *PRIVATE,
        ]
        host = str(uuid.uuid4()) if own_host else ""
        environment = self._environment | {
            "CAPABILITIES": str(CAPABILITIES), "HOOK": str(hook or ""), "HOST": host,
        }  # fmt: skip
        self._process = _started(command, environment | _speaking(locale))
        self._inside = self._process
        eventually(self.answers, within_seconds=60)
        network = f"--net=/proc/{self._process.pid}/ns/net"
        self._consoles = _started(["nsenter", network, *self.inside("virtlogd")], os.environ)
        self._inside = self._consoles  # it outlives the daemon
        eventually(self.seen("/run/libvirt/virtlogd-sock").exists)

    @property
    def uri(self):
        """What reaches it from outside of its namespace."""
        return f"qemu+unix:///system?socket={self.seen(self._socket)}"

    def seen(self, path):
        """A path of the namespace, as it is seen from outside."""
        return Path(f"/proc/{self._inside.pid}/root{path}")

    def inside(self, *command):
        """The command, such that it runs where this daemon is the system's."""
        return ["nsenter", f"--mount=/proc/{self._inside.pid}/ns/mnt", f"--wd={os.getcwd()}", *command]

    def reboot(self):
        """As its host does: all machines lose their power, and the daemon starts those that have
        autostart."""
        self._kill_machines()
        self.renew(between=lambda: shutil.rmtree(self.seen("/run/libvirt/qemu")))
        eventually(self.answers, within_seconds=60)

    def renew(self, between=lambda: None):
        """The daemon is ended and started again, as an upgrade does; machines run on."""
        _end(self._process)
        between()
        space = f"/proc/{self._inside.pid}/ns"
        enter = ["nsenter", f"--mount={space}/mnt", f"--net={space}/net"]
        self._process = _started([*enter, "sh", "-c", START], self._environment)

    def restart(self, name):
        """One of the daemons beside it is ended, and started again."""
        (old,) = [pid for pid in self._pids() if Path(f"/proc/{pid}/comm").read_text().strip() == name]
        os.kill(old, signal.SIGTERM)
        eventually(lambda: not Path(f"/proc/{old}/exe").exists(), within_seconds=20)
        space = f"/proc/{self._inside.pid}/ns"
        enter = ["nsenter", f"--mount={space}/mnt", f"--net={space}/net"]
        self._restarted.append(_started([*enter, name], os.environ))

    def _pids(self):
        """Of all that runs in its namespace."""
        own = os.readlink(f"/proc/{self._inside.pid}/ns/mnt")
        for each in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(each / "ns/mnt") == own:
                    yield int(each.name)

    def stop(self):
        found = self.seen("/var/cache/libvirt/qemu/capabilities")
        if not CAPABILITIES.exists() and found.is_dir():
            with contextlib.suppress(OSError):
                shutil.copytree(found, CAPABILITIES)
        self._kill_machines()
        for process in (*self._restarted, self._consoles, self._process):
            _end(process)

    @property
    def _environment(self):
        return os.environ | {"DAEMON": self._daemon, "BESIDE": " ".join(self._beside)}

    def _kill_machines(self):
        pids = [int(path.read_text()) for path in self.seen("/run/libvirt/qemu").glob("*.pid")]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def answers(self):
        assert self._process.poll() is None, f"{self._daemon} ended with {self._process.returncode}"
        try:
            with socket.socket(socket.AF_UNIX) as talk:
                talk.connect(str(self.seen(self._socket)))
        except OSError:
            return False
        return True


def _speaking(locale):
    """The environment of a daemon whose messages are in the language of this locale, which is made if need
    be; skips without its translation."""
    if not locale:
        return {}
    name = f"{locale}.UTF-8"
    if not Path(TRANSLATED.format(language=locale.partition("_")[0])).exists() or not shutil.which(
        "localedef"
    ):
        pytest.skip("libvirt-l10n or locales is not installed")
    if not (LOCALES / name).exists():
        LOCALES.mkdir(parents=True, exist_ok=True)
        made = LOCALES / f".{os.getpid()}-{name}"
        subprocess.run(["localedef", "-i", locale, "-f", "UTF-8", made], check=True, capture_output=True)
        with contextlib.suppress(OSError):  # another worker was faster
            made.rename(LOCALES / name)
        shutil.rmtree(made, ignore_errors=True)
    return {"LOCPATH": str(LOCALES), "LC_ALL": name, "LANGUAGE": ""}


def _started(command, environment):
    """A process that dies with this one, should a killed test run never get to end it."""
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True,
    )  # fmt: skip


def _end(process):
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


@contextlib.contextmanager
def running(own_network=False, hook=None, own_host=False, locale="", modular=False):
    """A daemon for the length of a with block; skips where the host cannot have one. With `own_network`
    its networks and their firewall rules are not the host's either. `hook` is a script that it runs around
    starts of machines. With `own_host` it takes itself for another host than others do, so that machines
    can be migrated. With `locale`, such as sv_SE, its messages are in that language. With `modular` it is
    virtqemud, with a daemon beside it for each other kind of thing."""
    daemons = MODULAR if modular else ("libvirtd",)
    for program in (*daemons, "virtlogd", "unshare", "nsenter", "setpriv"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if os.getuid() != 0:
        pytest.skip("a mount namespace for libvirtd needs root")
    daemon = Libvirtd(own_network, hook, own_host, locale, modular)
    try:
        yield daemon
    finally:
        daemon.stop()


@contextlib.contextmanager
def hosted(daemon, place=None):
    """A host of machines at this daemon, in a new folder, below `place` if that is given."""
    root = Path(tempfile.mkdtemp(prefix="ss-lvd-", dir=place))
    root.chmod(0o755)  # QEMU runs as another user
    host = LibvirtHost(root, daemon.uri)
    host.pid_files = daemon.seen("/run/libvirt/qemu")
    try:
        yield host
    finally:
        host.end()
        shutil.rmtree(root, ignore_errors=True)
