"""What the tests of the moving half share: certificates, real NBD servers, a admission, a listening
target."""

import contextlib
import random
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from rig.eventually import eventually
from secondsite.datapath.channel import handshake as channel
from secondsite.datapath.channel.listener import Listener
from secondsite.datapath.channel.tls import TlsFiles
from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.digests import hashes
from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.errors import DatapathError
from secondsite.datapath.extents import BLOCK_BYTES, Extent, merge
from secondsite.datapath.transfer import receiver
from secondsite.datapath.transfer.admission import Accept
from secondsite.ground.units import KiB, MiB


def issue(authority: trustme.CA, folder: Path, name: str) -> TlsFiles:
    """A certificate whose common name is `name`, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = TlsFiles(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-ca.pem")
    certificate = authority.issue_cert(f"{name}.example", common_name=name)
    files.certificate.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    return files


def disk_content(size_bytes: int, seed: int = 7) -> bytearray:
    """Half-compressible data with a hole and a short zero run."""
    rng = random.Random(seed)
    half = b"".join(rng.randbytes(2 * KiB) + b"same" * (KiB // 2) for _ in range(64))
    content = bytearray((half * (size_bytes // len(half) + 1))[:size_bytes])
    for start in range(0, size_bytes, len(half)):  # no two stretches alike
        content[start : start + 8] = rng.randbytes(8)[: size_bytes - start]
    content[2 * MiB : 4 * MiB] = bytes(max(0, min(size_bytes, 4 * MiB) - 2 * MiB))
    content[5 * MiB : 5 * MiB + 128 * KiB] = bytes(max(0, min(size_bytes - 5 * MiB, 128 * KiB)))
    return content[:size_bytes]


def listens(socket_path: Path) -> bool:
    """Whether a server takes connections there; the path appears a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(socket_path)) == 0


@contextlib.contextmanager
def nbd_server(folder: Path, image: Path, *options: str, image_format: str = "raw"):
    """A qemu-nbd of the image; gives its socket."""
    socket_path = folder / f"{image.stem}.sock"
    socket_path.unlink(missing_ok=True)
    command = [
        "qemu-nbd",
        "-k",
        str(socket_path),
        "-f",
        image_format,
        "-t",
        "--shared=4",
        *options,
        str(image),
    ]
    process = subprocess.Popen(command)
    try:
        eventually(lambda: listens(socket_path))
        yield socket_path
    finally:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def served_disk(folder: Path, content: bytes | bytearray, name: str = "disk"):
    """An NbdDisk over a raw image that holds `content`."""
    image = folder / f"{name}.raw"
    image.write_bytes(content)
    with nbd_server(folder, image) as socket_path, NbdDisk(socket_path) as disk:
        yield disk


def cycle_header(*sizes: int, seq: int = 1, **changes) -> CycleHeader:
    """A header with disks vda, vdb, ... of these sizes."""
    disks = tuple(CycleDisk(f"vd{'abcdef'[n]}", size) for n, size in enumerate(sizes))
    values = {"base_seq": seq - 1 or None, "taken_at": "2026-11-20T08:00:00+00:00", "disks": disks}
    return CycleHeader(**{"machine_id": "web01", "epoch": 1, "seq": seq, **values, **changes})


@dataclass
class Admission:
    """A admission onto a folder; `replica` holds what the target's disks contain."""

    inbox_dir: Path
    replica: dict[str, bytes] = field(default_factory=dict)
    budget_bytes: int | None = None
    refusal: DatapathError | None = None
    arrivals: list[Path] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    write: Callable[..., Any] | None = None
    not_understood_of: list[tuple[str, str]] = field(default_factory=list)

    def accept(self, peer_name, header):
        self.peers.append(peer_name)
        if self.refusal:
            raise self.refusal
        return Accept(self.inbox_dir, budget_bytes=self.budget_bytes, direct=self.write is not None)

    def not_understood(self, peer_name, said, problem):
        self.not_understood_of.append((peer_name, problem.message))

    def digests(self, machine_id, disk_key, offset, length, block_bytes):
        return hashes.block_digests(self.replica[disk_key][offset : offset + length], block_bytes)

    def held(self, machine_id, disk_key, offset, length):
        content = self.replica[disk_key]
        blocks = (
            Extent(at, min(BLOCK_BYTES, len(content) - at))
            for at in range(offset, offset + length, BLOCK_BYTES)
        )
        return merge(each for each in blocks if content[each.offset : each.end].strip(b"\0"))

    def pages(self, machine_id, disk_key, blocks):
        content = self.replica[disk_key]
        return b"".join(hashes.page_digests(content[block.offset : block.end]) for block in blocks)

    def direct_write(self, header, cut):
        return contextlib.nullcontext(self.write)

    def arrived(self, header, path):
        self.arrivals.append(path)


class Target:
    """A listening receiver with its admission; `dial` connects to it."""

    def __init__(self, admission, target_tls, source_tls, **options):
        self.admission = admission
        self.source_tls = source_tls
        handler = lambda connection: receiver.serve(connection, admission)  # noqa: E731
        self.listener = Listener("127.0.0.1", 0, target_tls, handler, **options).start()

    def dial(self, **options):
        return channel.dial("127.0.0.1", self.listener.port, options.pop("tls", self.source_tls), **options)


def content_of(path: Path, *sizes: int) -> list[bytearray]:
    """The disks that a cycle file describes, over zeros."""
    disks = [bytearray(size) for size in sizes]
    _header, frames = cycle_file.read(path)
    for frame in frames:
        data = bytes(frame.length) if frame.zero else frame.data
        disks[frame.disk][frame.offset : frame.offset + frame.length] = data
    return disks


def whole(content) -> list[Extent]:
    """One extent over all of it."""
    return [Extent(0, len(content))]
