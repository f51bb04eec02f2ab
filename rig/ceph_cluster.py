"""A real Ceph cluster on this host's loopback, the smallest there is: a monitor, and one OSD on a sparse
file. Its users have keys, as everywhere."""

import json
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

from rig import processes
from rig.eventually import eventually
from rig.images import qemu_img
from rig.iscsi_target import FILE_DISK

PROGRAMS = ("ceph-mon", "ceph-osd", "ceph")
HERE, POOL = "127.0.0.1", "rbd"
CONF = """\
[global]
fsid = {fsid}
mon_host = v1:{here}:{port}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
run_dir = {folder}
pid_file = {folder}/$type.pid
log_file = {folder}/$type.log
admin_socket = {folder}/$type.$pid.asok
mon_data = {folder}/mon
osd_data = {folder}/osd
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
ms_bind_msgr2 = false
mon_data_avail_warn = 1
mon_data_avail_crit = 0
mon_osd_full_ratio = 0.999
mon_osd_nearfull_ratio = 0.99
mon_osd_backfillfull_ratio = 0.995
bluestore_block_size = 4294967296
bluestore_cache_autotune = false
bluestore_cache_size = 33554432
osd_memory_target = 939524096
[client.admin]
client_mount_timeout = 900
"""
IMAGE_RIGHTS = ("mon", "profile rbd", "osd", "profile rbd")
ALL_RIGHTS = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")


class CephCluster:
    """A context: it runs inside. Begun by `start` it runs on, until `stop` or the end of what names its
    folder. A server of files as an IscsiTarget is, but that an image has its file's content, and no more."""

    def __init__(self, folder: Path) -> None:
        for name in ("mon", "osd"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, processes.free_port()
        self.conf = folder / "ceph.conf"
        self.files: list[Path] = []
        """What it began with: each file's content is that of an image."""
        self.user: tuple[str, str] | None = None
        """Whom definitions name, and the UUID of the secret in which libvirt has the key; None: they name a
        configuration with the administrator's key."""

    def __enter__(self) -> "CephCluster":
        self.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.stop()

    def start(self) -> None:
        """As new; or, after `stop`, as it was."""
        try:
            if not self.conf.exists():
                self._make()
            self._run("ceph-mon", "-i", "a")
            self._begin_osd()
            self.ceph("osd", "pool", "create", POOL, "1", within_seconds=60)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """As a power cut: its ports refuse connections."""
        processes.kill_all(processes.of_folder(self.conf))

    def silence(self, program: str) -> None:
        """One of PROGRAMS answers nothing any more, until `go_on`; its port takes connections."""
        os.kill(self.pid(program), signal.SIGSTOP)

    def go_on(self, program: str) -> None:
        os.kill(self.pid(program), signal.SIGCONT)

    def pid(self, program: str) -> int:
        return int((self.folder / f"{program.removeprefix('ceph-')}.pid").read_text())

    def offer(self, file: Path) -> str:
        """Make an image with a file's content; how a definition names it."""
        self.files.append(file)
        qemu_img("convert", "-U", "-O", "raw", file, self.image(file))
        return self.source(file)

    def source(self, file: Path) -> str:
        """The element of a definition that names the image, and where its user's key is."""
        more = f"<config file='{self.conf}'/>"
        if self.user is not None:
            name, secret = self.user
            more = f"<auth username='{name}'><secret type='ceph' uuid='{secret}'/></auth>"
        host = f"<host name='{HERE}' port='{self.port}'/>"
        return f"<source protocol='rbd' name='{self.name(file)}'>{host}{more}</source>"

    def image(self, file: Path) -> Path:
        """The image as QEMU's programs name it, which is no path."""
        return Path(f"rbd:{self.name(file)}:conf={self.conf}")

    def file(self, path: str) -> Path | None:
        """The file of an image that the inventory names so, with what the image has now."""
        found = re.fullmatch(f"rbd://{HERE}:{self.port}/{POOL}/image-(\\d+)(\\?user=.*)?", path)
        if found is None:
            return None
        file = self.files[int(found[1])]
        qemu_img("convert", "-U", "-f", "raw", "-O", "raw", self.image(file), file)
        return file

    def named(self, xml: str) -> str:
        """A definition in which the files that it began with are images."""

        def renamed(found: re.Match[str]) -> str:
            if Path(found[2]) not in self.files:
                return found[0]
            return f"<disk type='network'{found[1]}{self.source(Path(found[2]))}"

        return re.sub(FILE_DISK, renamed, xml, flags=re.DOTALL)

    def key(self, user: str) -> str:
        """The key of a user who may use images, and no more."""
        return self.ceph("auth", "get-or-create-key", f"client.{user}", *IMAGE_RIGHTS).strip()

    def ceph(self, *words: str, within_seconds: float = 30) -> str:
        """What the cluster's administrator is told."""
        return self._run("ceph", *words, within_seconds=within_seconds)

    def rbd(self, *words: str) -> str:
        """What its images' administrator is told."""
        return self._run("rbd", *words)

    def name(self, file: Path) -> str:
        """What the cluster calls the image."""
        return f"{POOL}/image-{self.files.index(file)}"

    def _make(self) -> None:
        fsid = str(uuid.uuid4())
        self.conf.write_text(CONF.format(fsid=fsid, here=HERE, port=self.port, folder=self.folder))
        keyring, monitors = str(self.folder / "keyring"), str(self.folder / "monmap")
        _done(
            "ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"
        )
        for name in ("client.admin", "osd.0"):
            _done("ceph-authtool", keyring, "--gen-key", "-n", name, *ALL_RIGHTS)
        where = ("--addv", "a", f"v1:{HERE}:{self.port}", "--fsid", fsid)
        _done("monmaptool", "--create", *where, monitors)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)

    def _begin_osd(self) -> None:
        as_root = ("-i", "0", "--setuser", "root", "--setgroup", "root")
        if not (self.folder / "osd/ready").exists():
            osd = str(uuid.uuid4())
            self.ceph("osd", "new", osd, "0", within_seconds=60)
            self.ceph("auth", "add", "osd.0", "-i", str(self.folder / "keyring"))
            self._run("ceph-osd", *as_root, "--mkfs", "--osd-uuid", osd)
        self._run("ceph-osd", *as_root)
        eventually(self._has_osd, 60)

    def _has_osd(self) -> bool:
        told = json.loads(self.ceph("osd", "stat", "--format", "json"))
        return bool(told["num_up_osds"] == 1)

    def _run(self, program: str, *words: str, within_seconds: float = 60) -> str:
        return _done(program, "-c", str(self.conf), *words, within_seconds=within_seconds)


def _done(*words: str, within_seconds: float = 60) -> str:
    # Debian 13's OSD looks for what it does with images below where it was started
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=within_seconds, check=False, stdin=subprocess.DEVNULL,
        cwd="/",
    )  # fmt: skip
    if done.returncode:
        raise processes.DidNotStart(f"{' '.join(words)}:\n{done.stderr}")
    return done.stdout
