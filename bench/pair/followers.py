"""The process of all who follow: `python -m bench.pair.followers URL TOKEN_FILE CA_FILE COUNT`, until its
input ends; then it tells what came.

Each follower has a connection of its own, reads bytes, and counts batches and rows of machines.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import NotMeasured
from bench.pair.client import ANSWER_SECONDS, READY
from bench.pair.paired_vault import PairedVault
from rig import processes

PIECE_BYTES = 1 << 20
BATCH, ROW = b"event: changes", b',"vm'
"""What a batch begins with, and what stands in each row of a machine of the pair and nowhere else."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What all followers together were sent."""

    batches: int
    rows: int
    size_bytes: int


@contextlib.contextmanager
def followers(paired: PairedVault, count: int) -> Iterator[subprocess.Popen[str]]:
    """They follow within the block; `told` gives what they saw."""
    home = paired.home("vault")
    command = [sys.executable, "-m", "bench.pair.followers", f"{paired.url}/api/live"]
    with subprocess.Popen(
        [*command, str(home / "token"), str(home / "pki" / "ca.pem"), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=processes.environment(),
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != READY:
                raise NotMeasured("not all who were to follow were let in")
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> Followed:
    """Ends them, and gives what came."""
    out, _ = process.communicate(timeout=ANSWER_SECONDS)
    if process.returncode != 0:
        raise NotMeasured("a stream ended before its time")
    return Followed(**json.loads(out))


def main() -> int:
    url, token_file, ca_file, count = sys.argv[1:]
    trust = ssl.create_default_context(cafile=ca_file)
    token = Path(token_file).read_text().strip()
    lines = [_began(trust, url, token) for _ in range(int(count))]
    print(READY, flush=True)
    found = _read(lines)
    print(json.dumps(asdict(found)))
    return 0


def _began(trust: ssl.SSLContext, url: str, token: str) -> ssl.SSLSocket:
    """A stream that has begun."""
    place = urlsplit(url)
    plain = socket.create_connection((str(place.hostname), place.port or 443), ANSWER_SECONDS)
    line = trust.wrap_socket(plain, server_hostname=str(place.hostname))
    head = (f"GET {place.path} HTTP/1.1", f"Host: {place.netloc}", f"Authorization: Bearer {token}", "", "")
    line.sendall("\r\n".join(head).encode())
    if not line.recv(PIECE_BYTES).startswith(b"HTTP/1.1 200 "):
        sys.exit("a stream was refused")
    return line


def _read(lines: list[ssl.SSLSocket]) -> Followed:
    batches, rows, size = 0, 0, 0
    with selectors.DefaultSelector() as ready:
        ready.register(sys.stdin, selectors.EVENT_READ)
        for line in lines:
            line.setblocking(False)
            ready.register(line, selectors.EVENT_READ, line)
        while True:
            for key, _ in ready.select():
                if key.data is None:
                    return Followed(batches, rows, size)
                for piece in _pieces(key.data):
                    batches, rows = batches + piece.count(BATCH), rows + piece.count(ROW)
                    size += len(piece)


def _pieces(line: ssl.SSLSocket) -> Iterator[bytes]:
    """All that has come. Exits if the stream has ended."""
    with contextlib.suppress(ssl.SSLWantReadError):
        while True:
            yield line.recv(PIECE_BYTES) or sys.exit("a stream ended")


if __name__ == "__main__":
    sys.exit(main())
