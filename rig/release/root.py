"""A root of another Debian release, made once and kept in `.cache/`: what `./dev` prepares there stays, as on
a machine of its own.

The root shares this system's kernel, network and devices; its processes end with whoever started the command
in it.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.processes import DidNotStart
from rig.release import sources
from secondsite.ground.lockfile import LockFile

RELEASES = {"12": "bookworm", "13": "trixie"}
TOP = Path(__file__).resolve().parents[2]
SOURCE = "srv/secondsite"
"""Where the checkout lies in the root."""
MAKE_SECONDS = 1800
OTHERS_SECONDS = 4 * 3600
FROM_HERE = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/xdg/pip")
PASSED = ("pip_", "ssl_", "http_", "https_", "no_proxy", "requests_", "curl_")
"""Beginnings of the variables that say how this machine reaches others."""

APART = (
    "setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
    "--kill-child=KILL",
)  # fmt: skip
ENTER = """
mount --bind "$1" "$1"
cd "$1"
shift
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p run/lock .machine
pivot_root . .machine
umount -l /.machine
exec "$@"
"""
"""Its root is a mount of its own, else nothing in it could be laid over anything."""
SAME_SYSTEM = ("unshare", "--mount", "--propagation", "private")
ENTER_BESIDE = f"""
root=$1 top=$2 seen=$3
shift 3
mount --bind "$root" "$root"
mkdir -p "$root$top" "$root$seen"
mount --bind "$root/{SOURCE}" "$root$top"
mount --bind "$top/.cache/guest" "$root$top/.cache/guest"
mount --bind "$seen" "$root$seen"
cd "$root"
mount --rbind /proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p run/lock .machine
pivot_root . .machine
umount -l /.machine
exec "$@"
"""
"""Guests boot the kernel of this system at both sites."""


class Root:
    """Of a release that is named by its number."""

    def __init__(self, version: str, cache: Path = TOP / ".cache") -> None:
        self.version = version
        self.home = cache / f"debian-{version}"
        self.folder = self.home / "root"

    @property
    def exists(self) -> bool:
        """Whether it was made. What the checkout wants to have in it `./dev` looks for, as on any machine."""
        return (self.folder / SOURCE).is_dir()

    def dev(self, *words: str) -> int:
        """The exit code of a `./dev` command there, in the files of this checkout as they are. One at a
        time: others wait. Raises DidNotStart, NoSources."""
        with self.held():
            self._follow()
            command = [*APART, "sh", "-euc", ENTER, "enter", str(self.folder), f"/{SOURCE}/dev", *words]
            return subprocess.run(command, env=self.environment(), check=False).returncode

    @contextlib.contextmanager
    def beside(self, seen: Path) -> Iterator[Sequence[str]]:
        """Inside, words before a command that run it there, as if it ran here: this checkout and the folder
        `seen` have the same paths there, and processes are those of this system. Prepared before by
        `dev("setup")`. Raises as `dev`."""
        with self.held():
            self._follow()
            yield (*SAME_SYSTEM, "sh", "-euc", ENTER_BESIDE, "enter", str(self.folder), str(TOP), str(seen))

    def environment(self) -> dict[str, str]:
        """What a command in it has: bare, and how this machine reaches others."""
        return _environment()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Made, if it was not, knowing how this machine reaches others; others wait. Raises DidNotStart,
        NoSources, CalledProcessError."""
        self.home.mkdir(parents=True, exist_ok=True)
        lock = LockFile(self.home / "lock")
        if not lock.take(within_seconds=OTHERS_SECONDS):
            raise DidNotStart(
                f"another process has been working in the root of Debian {self.version}: {lock.path} is "
                "locked"
            )
        try:
            if not self.exists:
                self._make()
            self._reach()
            yield
        finally:
            lock.release()

    def _make(self) -> None:
        """Raises NoSources, CalledProcessError."""
        found = sources.of(RELEASES[self.version])
        part = self.home / "part"
        for old in (part, self.folder):
            subprocess.run(["rm", "-rf", "--one-file-system", old], check=True, timeout=300)
        print(f"making a root of Debian {self.version}, once (log: {self.home / 'making.log'})", flush=True)
        command = [
            "debootstrap", "--variant=minbase", "--include=ca-certificates,python3", RELEASES[self.version],
            str(part),
            found[0].site,
        ]  # fmt: skip
        with (self.home / "making.log").open("wb") as log:
            subprocess.run(command, stdout=log, stderr=log, check=True, timeout=MAKE_SECONDS)
        (part / "etc/apt/sources.list").write_text("".join(f"{each}\n" for each in found))
        (part / "etc/apt/apt.conf.d/90host").write_text(sources.settings())
        (part / SOURCE).mkdir()
        part.rename(self.folder)

    def _reach(self) -> None:
        """How this machine reaches others."""
        for path in _said_by_this_machine():
            there = self.folder / str(path).lstrip("/")
            if there.is_file() and there.read_bytes() == path.read_bytes():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            there.unlink(missing_ok=True)
            shutil.copyfile(path, there)

    def _follow(self) -> None:
        """What this checkout has, without what its .gitignore names."""
        goal, wanted = self.folder / SOURCE, set(_listed())
        for path in _files(goal):
            if path not in wanted:
                (goal / path).unlink()
        for path in wanted:
            (goal / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / path, goal / path, follow_symlinks=False)
        for folder in ("tmp", "var/tmp"):
            for path in (self.folder / folder).iterdir():
                subprocess.run(["rm", "-rf", "--one-file-system", path], check=True, timeout=300)


def why_not() -> str | None:
    """Why this machine cannot have such a root; None: it can."""
    if os.getuid() != 0:
        return "mounts and another root need root"
    lacking = [each for each in ("debootstrap", "unshare", "git") if shutil.which(each) is None]
    if lacking:
        return f"this machine lacks {' and '.join(lacking)}: ./dev setup installs debootstrap"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [*APART, "mount", "-t", "proc", "proc", "/proc"], check=True, capture_output=True, timeout=20
        )
        return None
    return "it may not make namespaces and mount in them"


def _environment() -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.lower().startswith(PASSED)}
    bare = {
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    return {**bare, "TERM": os.environ.get("TERM", "dumb"), **passed}


def _said_by_this_machine() -> set[Path]:
    """Names, addresses, certificates, how pip is to be used: files, as they are here."""
    named = (Path(value) for value in _environment().values() if value.startswith("/"))
    places = [*map(Path, FROM_HERE), Path("/etc/ssl/certs/ca-certificates.crt"), *named]
    below = (path for place in places[: len(FROM_HERE)] for path in place.rglob("*"))
    return {path for path in (*places, *below) if path.is_file()}


def _listed() -> Iterator[Path]:
    """Files of this checkout, relative to it."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    said = subprocess.run(command, cwd=TOP, capture_output=True, check=True, timeout=60).stdout
    for name in filter(None, said.split(b"\0")):
        path = Path(os.fsdecode(name))
        if (TOP / path).is_symlink() or (TOP / path).is_file():
            yield path


def _files(folder: Path) -> Iterator[Path]:
    """Of a checkout in a root, without what was made there."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            each
            for each in folders
            if each[0] != "." and each != "__pycache__" and not each.endswith(".egg-info")
        ]
        for name in names:
            yield (Path(place) / name).relative_to(folder)
