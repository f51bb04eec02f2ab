"""The peers of initial replication: nbdcopy and qemu-img, between two NBD servers of QEMU.

The servers run already when a copy is timed; the target's image is fresh and made with the options of our replicas.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import trustme

from rig import processes
from secondsite.datapath import image

from ..figure import seconds_of
from .sites import NotMeasured

COPY_SECONDS = 120


def make_certificates(folder: Path) -> Path:
    """A folder of x509 files under the names that QEMU and libnbd look for."""
    folder.mkdir(parents=True)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca-cert.pem"))
    for name in ("server", "client"):
        issued = ca.issue_cert("localhost", common_name=name)
        issued.private_key_pem.write_to_path(str(folder / f"{name}-key.pem"))
        (folder / f"{name}-cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return folder


@contextlib.contextmanager
def serve_source(disk: Path, certificates: Path | None = None) -> Iterator[int]:
    """A read-only qemu-nbd of a disk that its machine has open too, on a TCP port, with TLS or in the clear."""
    port = processes.free_port()
    options = f"driver=qcow2,force-share=on,file.driver=file,file.filename={disk}"
    command = ["qemu-nbd", "-r", "-t", "-e", "8", "-b", "127.0.0.1", "-p", str(port), "--image-opts", options]
    if certificates is not None:
        credentials = f"tls-creds-x509,id=tls0,endpoint=server,verify-peer=yes,dir={certificates}"
        command += ["--object", credentials, "--tls-creds", "tls0"]
    with _server(command, lambda: _connects(socket.AF_INET, ("127.0.0.1", port))):
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


def nbdcopy_tls(port: int, certificates: Path, target: str) -> float:
    """Seconds of one nbdcopy over mutual TLS, flushed at the end."""
    source = f"nbds://localhost:{port}/?tls-certificates={certificates}"
    return seconds_of(lambda: _copy(["nbdcopy", "--flush", "--destination-is-zero", source, target]))


def qemu_img(port: int, target: str) -> float:
    """Seconds of one `qemu-img convert` over TCP in the clear, flushed at the end."""
    options = ["-n", "--target-is-zero", "-W", "-m", "16", "-t", "writeback", "-f", "raw", "-O", "raw"]
    return seconds_of(lambda: _copy(["qemu-img", "convert", *options, f"nbd://127.0.0.1:{port}/", target]))


def _copy(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=COPY_SECONDS, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"{command[0]} failed: {done.stderr.strip()}")


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


def _connects(family: socket.AddressFamily, address: object) -> bool:
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0  # type: ignore[arg-type]
