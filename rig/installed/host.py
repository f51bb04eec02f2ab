"""One host: a real systemd as first process of its own namespaces, on a root that lies over this machine's.

Its power can be cut and it can be switched on again: what it wrote is there, /run is empty, and what
starts with a host starts."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from rig.eventually import eventually
from rig.processes import DidNotStart, kill_all

BOOT = Path(__file__).with_name("boot.sh")
BOOT_SECONDS = 60
SHARED = "/srv/shared"
HOLD = """
echo $$ > "$1/cgroup.procs"
export ROOT="$2" BOOT="$3" OVER="lowerdir=$6,upperdir=$4,workdir=$5"
shift 6
exec unshare "$@" sh -euc 'mount --make-rprivate /; mount -t overlay -o "$OVER" host "$ROOT"; exec sh "$BOOT" "$ROOT"'
"""  # noqa: E501
"""Into a control group of its own before all else: what is above it is not seen from inside."""
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
APART = ("--mount", "--pid", "--fork", "--kill-child=KILL", "--uts", "--ipc", "--cgroup")
QUIET = (
    # what belongs to the machine around: its clock, its kernel, its devices, its terminals, its updates
    "systemd-timesyncd", "systemd-sysctl", "systemd-modules-load", "systemd-binfmt", "systemd-udevd",
    "systemd-udev-trigger",
    "systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "systemd-remount-fs",
    "systemd-hwdb-update", "kmod-static-nodes",
    "console-getty", "getty@tty1", "getty-static", "dev-hugepages.mount", "dev-mqueue.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount",
    "proc-sys-fs-binfmt_misc.automount",
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
    "man-db.timer",
    "logrotate.timer",
)  # fmt: skip
HYPERVISOR = ("libvirt", "virt")
LOGIN = 'set -a; . /etc/default/locale; . /etc/environment; set +a; cd; exec "$@"'
AT_A_LOGIN = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TERM": "dumb",
}


class Host:
    """All that it has and this machine's root has not lies in `folder`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        template: Path | None = None,
        network: str | None = None,
        *,
        stays: bool = False,
        shared: Path | None = None,
        below: str = "/",
    ) -> None:
        """`template`: what it has to begin with, see there. `network`: the network namespace that it lives
        in, made anew for each start by whoever gives it; None: the machine's. `stays`: it outlives this
        process, until its folder is removed. `shared`: a folder that it has as SHARED, as others may.
        `below`: what its root lies over, as overlayfs reads it: this machine's, or that of another
        release."""
        self.name = name
        self.folder = folder
        self.connect: Callable[[], None] = lambda: None
        """Called before each start."""
        self.boots_to = "multi-user.target"
        self._template, self._network, self._stays, self._shared = template, network, stays, shared
        self._below = below
        self._running: subprocess.Popen[bytes] | None = None
        self.make()

    def make(self) -> None:
        """As it was first."""
        for each in (self.folder / "work", self.folder / "root"):
            each.mkdir(parents=True, exist_ok=True)
        if self._template is not None:
            subprocess.run(
                ["cp", "-a", "--reflink=auto", self._template, self.upper], check=True, timeout=120
            )
        self.upper.mkdir(exist_ok=True)
        self.write("/etc/machine-id", f"{uuid.uuid4().hex}\n")
        self.write("/etc/hostname", f"{self.name}\n")
        for unit in {*QUIET, *_enabled_on_this_machine()}:
            self.mask(unit if "." in unit else f"{unit}.service")

    def destroy(self) -> int:
        """Its power is cut, and all that it had is gone; how many processes ended."""
        count = self.cut_power()
        remove(self.folder)
        return count

    @property
    def upper(self) -> Path:
        """What the host has written: its own files as they are seen from outside."""
        return self.folder / "up"

    def path(self, inside: str | Path) -> Path:
        """A path of the host, seen from outside; while its power is off only what it wrote is there."""
        if self._running is None:
            return self.upper / str(inside).lstrip("/")
        return Path(f"/proc/{self.pid}/root") / str(inside).lstrip("/")

    def write(self, inside: str, text: str) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def mask(self, unit: str) -> None:
        """It does not start with this host."""
        path = self.upper / "etc/systemd/system" / unit
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/null")

    # ---- power
    # --------------------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def power_on(self) -> None:
        """Returns once all that starts with the host has been started. Raises DidNotStart."""
        if not self.is_on:
            self.begin()
            self.wait()

    def begin(self) -> None:
        """Switch it on, and do not wait."""
        self._leave_cgroup()
        self._cgroup.mkdir(parents=True)
        self.connect()
        enter = ["nsenter", f"--net=/run/netns/{self._network}"] if self._network else []
        places = [self._cgroup, self.folder / "root", BOOT, self.upper, self.folder / "work", self._below]
        with (self.folder / "boot.log").open("ab") as log:
            self._running = subprocess.Popen(
                [*([] if self._stays else DIES_WITH_US), *enter, "sh", "-euc", HOLD, "host",
                *map(str, places), *APART],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "SHARED": str(self._shared or ""), "UNIT": self.boots_to},
            )  # fmt: skip

    def wait(self) -> None:
        """Until all that starts with it has been started. Raises DidNotStart."""
        eventually(self._first_process, BOOT_SECONDS)
        try:
            eventually(self._has_started, BOOT_SECONDS)
        except AssertionError as late:
            raise DidNotStart(
                f"host {self.name} did not come up in {BOOT_SECONDS} s: {self.jobs()}"
            ) from late

    def cut_power(self) -> int:
        """Every process of the host is killed at once; how many these were. What was written is kept."""
        if self._running is None:
            return 0
        count = len(self.pids())
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(self.pid, signal.SIGKILL)
        self._running.wait(timeout=30)
        self._running = None
        self._leave_cgroup()
        return count

    def reboot(self) -> None:
        """As after a power cut."""
        self.cut_power()
        self.power_on()

    @property
    def pid(self) -> int:
        """Of its first process, as this machine counts."""
        found = self._first_process()
        if found is None:
            raise FileNotFoundError(f"host {self.name} is off")
        return found

    def pids(self) -> list[int]:
        """Of all its processes, as this machine counts."""
        return _pids(self._cgroup)

    # ---- what is done there
    # ----------------------------------------------------------------------------------------------

    @property
    def shell(self) -> str:
        """What a person types to get onto it."""
        return f"nsenter --target {self.pid} --all --root=/proc/{self.pid}/root"

    def run(
        self, *words: str, within_seconds: float = 300, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command as root types it there, with what a login there sets."""
        return subprocess.run(
            self.entering(*words), input=text, env=AT_A_LOGIN, capture_output=True, text=True,
            timeout=within_seconds, check=False, cwd="/",
        )  # fmt: skip

    def entering(self, *words: str) -> list[str]:
        """The command of this machine that runs one there, with the environment AT_A_LOGIN."""
        spaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"]
        root = f"--root=/proc/{self.pid}/root"
        return ["nsenter", f"--target={self.pid}", *spaces, root, "sh", "-c", LOGIN, "login", *words]

    def must(self, *words: str, within_seconds: float = 300, text: str | None = None) -> str:
        """As `run`; gives what the command printed, and raises DidNotStart if it failed."""
        done = self.run(*words, within_seconds=within_seconds, text=text)
        if done.returncode != 0:
            raise DidNotStart(
                f"{self.name}: '{' '.join(words)}' ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def jobs(self) -> str:
        """What systemd still works at, and what failed."""
        return self.run(
            "sh", "-c", "systemctl list-jobs; systemctl --failed; journalctl -b -n 30 --no-pager"
        ).stdout

    # ---- insides
    # --------------------------------------------------------------------------------------------------------

    @property
    def _cgroup(self) -> Path:
        return _cgroups() / f"{_group_of(self.folder.parent)}-{self.name}"

    def _first_process(self) -> int | None:
        if self._running is None:
            return None
        if self._running.poll() is not None:
            raise DidNotStart(f"host {self.name} ended: {(self.folder / 'boot.log').read_text()[-2000:]}")
        children = Path(f"/proc/{self._running.pid}/task/{self._running.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def _has_started(self) -> bool:
        if Path(f"/proc/{self.pid}/comm").read_text().strip() != "systemd":
            return False
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def _leave_cgroup(self) -> None:
        """The folders of its control groups go once the last process has gone."""
        _forget(self._cgroup)


def remove(folder: Path) -> None:
    """Several times as fast as shutil's."""
    subprocess.run(["rm", "-rf", folder], check=True, timeout=300)


def end(folder: Path) -> None:
    """The hosts of a rig in this folder, whoever started them."""
    for group in _cgroups().glob(f"{_group_of(folder)}-*"):
        kill_all(_pids(group))
        _forget(group)


def _pids(group: Path) -> list[int]:
    """Of all processes in a control group, and in those below it."""
    return [int(each) for file in group.rglob("cgroup.procs") for each in file.read_text().split()]


def _group_of(rig: Path) -> str:
    return f"secondsite-{rig.name}"


def _forget(group: Path) -> None:
    """A control group, and those below it."""
    deadline = time.monotonic() + 10
    while group.exists():
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _cgroups() -> Path:
    """Where this machine has its control groups of version 2."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    raise DidNotStart("this machine has no control groups of version 2, which systemd needs")


def _enabled_on_this_machine() -> set[str]:
    """Units of other packages of this machine, which are no part of a host of ours; libvirt's are, and
    Debian 13 has them without libvirt-daemon-system too."""
    found = {unit.name for unit in Path("/etc/systemd/system").glob("*.wants/*")}
    return {name for name in found if not name.startswith(HYPERVISOR)}


def why_not() -> str | None:
    """Why this machine cannot have such hosts; None: it can."""
    if os.getuid() != 0:
        return "namespaces and mounts need root"
    lacking = [each for each in ("unshare", "nsenter", "setpriv", "ip") if shutil.which(each) is None]
    if lacking or not Path("/lib/systemd/systemd").exists():
        return f"it has no {' and no '.join(lacking or ['systemd'])}"
    return None
