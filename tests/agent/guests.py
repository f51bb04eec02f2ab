"""The fuzzer in guests of Debian's kernels, judged from outside.

    python -m tests.agent.guests 5.10|6.1|6.12 SECONDS [SEED [FOLDER]]

The guest's files are this host's, read only, with a layer in memory above; its disks are new ones of each
kind: virtio, SCSI, NVMe. Whenever a point stands still in it, QEMU holds the whole machine, and its disks are
read from outside: the judge takes none of the guest's time, and does not believe its kernel. Needs root, and
Debian's packages mdadm and lvm2. What was found stands in FOLDER/shared/log."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import xxhash

from guestkit import building, cpio, kernels, programs
from rig.eventually import eventually
from secondsite.datapath.disks.qmp import QmpClient
from secondsite.datapath.errors import DatapathError
from secondsite.ground.units import MiB

from . import support_agent as support

HERE, TOP = Path(__file__).parent, support.TOP
EARLY = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
MODULES = "virtio_blk virtio_scsi sd_mod nvme ext4 xfs btrfs loop raid1 dm_mod crc32c_intel libcrc32c".split()
DISKS = (
    ("virtio-blk-pci", "ext4", 88), ("nvme", "xfs", 304), ("scsi-hd", "btrfs", 144),
    ("virtio-blk-pci", "mirror", 144), ("scsi-hd", "mirror", 144), ("scsi-hd", "swap", 64),
)  # fmt: skip
"""By which they are attached, what lies on them, and MiB."""
NICE = os.environ.get("GUEST_NICE", "10")
GRACE_SECONDS = 1800
ZEROS = bytes(support.BLOCK)
HOLE = xxhash.xxh3_128_digest(ZEROS)


def initrd(kernel, into):
    """What finds the host's files."""
    files = list(dict.fromkeys(path for each in EARLY for path in kernel.needed(each)))
    names = [f"{path.name.split('.ko')[0]}.ko" for path in files]
    entries = [
        *(cpio.folder(name) for name in ("bin", "proc", "sys", "dev", "modules")),
        cpio.character_device("dev/console", 5, 1),
        cpio.file("init", (HERE / "guest_init.sh").read_bytes(), executable=True),
        cpio.file("bin/busybox", programs.find("busybox").read_bytes(), executable=True),
        cpio.file("modules/order", "\n".join(names).encode()),
        cpio.file("modules/root", str(kernel.root).encode()),
        *(cpio.file(f"modules/{name}", _plain(path)) for name, path in zip(names, files, strict=True)),
    ]
    into.write_bytes(cpio.archive(entries))
    return into


def _plain(path):
    content = path.read_bytes()
    return programs.passed_through(["xz", "-dc"], content) if path.suffix == ".xz" else content


class Guest:
    """One machine, in a folder of its own."""

    def __init__(self, folder, line, seconds, seed):
        self.folder, self.shared, self.seconds = folder, folder / "shared", seconds
        self.shared.mkdir(parents=True)
        self.kernel = kernels.kernel(line, building.DEFAULT_CACHE)
        self.disks = {}
        for number, (_, kind, mib) in enumerate(DISKS):
            path = folder / f"fuzz{number}{kind}"
            with path.open("wb") as file:
                file.truncate(mib * MiB)
            self.disks[path.name] = path
        words = {
            "modules": " ".join(MODULES), "top": TOP, "python": TOP / ".cache/venv/bin/python",
            "seconds": seconds, "seed": seed,
        }  # fmt: skip
        told = "".join(f"{key}={shlex.quote(str(word))}\n" for key, word in words.items())
        (self.shared / "words").write_text(told)
        (self.shared / "work").write_bytes((HERE / "guest_work.sh").read_bytes())
        self.process = subprocess.Popen(["nice", "-n", NICE, *map(str, self._command())])
        self.qmp = eventually(self._connected, support.PATIENCE)
        self.held = set()

    def _command(self):
        drives = []
        for (device, _, _), (serial, path) in zip(DISKS, self.disks.items(), strict=True):
            drives += ["-drive", f"file={path},format=raw,if=none,id={serial},cache=unsafe,discard=unmap"]
            drives += ["-device", f"{device},drive={serial},serial={serial}"]
        shares = {"root": ("/", ",readonly=on"), "shared": (self.shared, "")}
        for name, (path, more) in shares.items():
            drives += ["-fsdev", f"local,id={name},path={path},security_model=none,multidevs=remap{more}"]
            drives += ["-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]
        return [
            programs.find("qemu-system-x86_64"), "-machine", "q35", "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", "2", "-m", "1792", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", self.kernel.image, "-initrd", initrd(self.kernel, self.folder / "initrd"),
            "-append", "console=ttyS0 quiet no_timer_check mitigations=off panic=-1",
            "-serial", f"file:{self.folder}/console", "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
            "-device", "virtio-scsi-pci", *drives,
        ]  # fmt: skip

    def _connected(self):
        assert self.process.poll() is None, "QEMU ended"
        with contextlib.suppress(OSError, DatapathError):
            return QmpClient(self.folder / "qmp")

    def follow(self):
        """Until it goes off, or much too much time passed."""
        until = time.monotonic() + self.seconds + GRACE_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            for asked in self.shared.glob("hold-*"):
                if asked.name not in self.held:
                    self._tell(asked)
            time.sleep(0.05)

    def _tell(self, asked):
        """The digests of all disks, read while the machine stands."""
        name = asked.name.removeprefix("hold-")
        making = self.shared / f"making-{name}"
        making.mkdir()
        self.qmp.command("stop")
        for serial, path in self.disks.items():
            (making / serial).write_bytes(digests(path))
        making.rename(self.shared / f"truth-{name}")
        self.qmp.command("cont")
        self.held.add(asked.name)

    def close(self):
        self.process.kill()
        self.process.wait(support.PATIENCE)


def digests(path):
    """Of all blocks, one after the other."""
    told = []
    with path.open("rb") as file:
        while block := file.read(support.BLOCK):
            told.append(HOLE if block == ZEROS else xxhash.xxh3_128_digest(block))
    return b"".join(told)


def main():
    line, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    guest = Guest(folder, line, seconds, seed)
    try:
        guest.follow()
    finally:
        guest.close()
    print((guest.shared / "log").read_text())
    print(shlex.quote(str(folder)), f"held {len(guest.held)} times")


if __name__ == "__main__":
    main()
