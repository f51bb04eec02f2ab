"""The peers of initial replication: nbdcopy and qemu-img, between two NBD servers of QEMU.

The servers run already when a copy is timed; the target's image is fresh and made with the options of our
replicas.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import trustme

from bench.errors import NotMeasured
from bench.figure import seconds_of
from rig import processes
from rig.appliances import HERE, Place
from secondsite.datapath.disks import image

COPY_SECONDS = 240


def make_certificates(folder: Path, *addresses: str) -> Path:
    """A folder of x509 files under the names that QEMU and libnbd look for, for this host and these
    addresses."""
    folder.mkdir(parents=True)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca-cert.pem"))
    for name in ("server", "client"):
        issued = ca.issue_cert("localhost", *addresses, common_name=name)
        issued.private_key_pem.write_to_path(str(folder / f"{name}-key.pem"))
        (folder / f"{name}-cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return folder


@contextlib.contextmanager
def serve_source(disk: Path, certificates: Path | None = None, place: Place = HERE) -> Iterator[int]:
    """A read-only qemu-nbd of a disk that its machine has open too, on a TCP port, with TLS or in the
    clear."""
    port = processes.free_port()
    options = f"driver=qcow2,force-share=on,file.driver=file,file.filename={disk}"
    command = [*place.prefix, "qemu-nbd", "-r", "-t", "-e", "8", "-b", place.address, "-p", str(port)]
    command += ["--image-opts", options]
    if certificates is not None:
        credentials = f"tls-creds-x509,id=tls0,endpoint=server,verify-peer=yes,dir={certificates}"
        command += ["--object", credentials, "--tls-creds", "tls0"]
    with _server(command, lambda: _listens(place, port)):
        yield port


@contextlib.contextmanager
def serve_target(folder: Path, size_bytes: int) -> Iterator[str]:
    """A fresh qcow2 behind a qemu-nbd on a unix socket; its URI."""
    folder.mkdir(exist_ok=True)
    disk, address = folder / "target.qcow2", folder / "target.sock"
    image.create(disk, size_bytes)
    address.unlink(missing_ok=True)
    command = ["qemu-nbd", "-t", "-e", "8", "-f", "qcow2", "--discard=unmap", "-k", str(address), str(disk)]
    try:
        with _server(command, lambda: _connects(socket.AF_UNIX, str(address))):
            yield f"nbd+unix:///?socket={address}"
    finally:
        disk.unlink()


def nbdcopy(port: int, target: str, certificates: Path | None, source: str, place: Place) -> float:
    """Seconds of one nbdcopy from `source` that runs at `place`, over mutual TLS or in the clear, flushed
    at the end."""
    address = f"nbds://{source}:{port}/?tls-certificates={certificates}"
    if certificates is None:
        address = f"nbd://{source}:{port}/"
    words = [*place.prefix, "nbdcopy", "--flush", "--destination-is-zero", address, target]
    return seconds_of(lambda: _copy(words))


def qemu_img(port: int, target: str, certificates: Path | None, source: str, place: Place) -> float:
    """Seconds of one `qemu-img convert`, as `nbdcopy`."""
    options = ["-n", "--target-is-zero", "-W", "-m", "16", "-t", "writeback", "-O", "raw"]
    disk = (
        f"driver=raw,file.driver=nbd,file.server.type=inet,file.server.host={source},file.server.port={port}"
    )
    if certificates is not None:
        options += ["--object", f"tls-creds-x509,id=tls0,endpoint=client,dir={certificates}"]
        disk += ",file.tls-creds=tls0"
    words = [*place.prefix, "qemu-img", "convert", *options, "--image-opts", disk, target]
    return seconds_of(lambda: _copy(words))


Copy = Callable[[int, str, Path | None, str, Place], float]
"""Who copies: the source's port, the target's URI, certificates or None for in the clear, the source's
address, and where it runs; gives seconds."""


def _copy(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=COPY_SECONDS, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{' '.join(command)} failed: {done.stderr.strip()}")


@contextlib.contextmanager
def _server(command: Sequence[str], answers: Callable[[], bool]) -> Iterator[None]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while not answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise NotMeasured(f"{command[0]} does not serve: {process.communicate(timeout=10)[1]}")
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.communicate(timeout=10)


def _listens(place: Place, port: int) -> bool:
    """Asked where the server is: a namespace of its own cannot be reached from here."""
    asked = [*place.prefix, "ss", "-Hltn", f"sport = :{port}"]
    return bool(subprocess.run(asked, capture_output=True, timeout=10, check=True).stdout.strip())


def _connects(family: socket.AddressFamily, address: object) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]
